using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid diff</c>: what a run changed in a model.</summary>
internal static class DiffCommand
{
    private const int BarWidth = 40;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var first = new Argument<string>("MODEL_A") { Description = "The original: a folder with config.json and weights." };
        var second = new Argument<string>("MODEL_B") { Description = "What became of it." };
        Option<bool> all = OptionKinds.Switch("--all", "List the tensors that did not change, too.");
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("diff", """
            Shows which tensors of a model changed, by how much, and what share of their elements: by layer, by tensor, and in all.
            Reads one tensor of each model at a time. Models of other tensors or shapes are an error, after the report.

            Example:  hybrid diff models/taught models/kunbr
            """)
        {
            first, second, all, threads, json,
        };
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            CommandContext.UseThreads(parsed.GetValue(threads));
            string a = parsed.GetValue(first)!, b = parsed.GetValue(second)!;
            var diff = ModelDiff.Compare(a, b, context.Cancellation);
            JsonOutput.Write(context, file, new
            {
                modelA = a, modelB = b, identical = diff.Identical, config = diff.Config, mismatches = diff.Mismatches, total = Numbers(diff.Total),
                parts = diff.Parts.Select(part => new { part = part.Part, difference = Numbers(part.Difference) }),
                tensors = diff.Tensors.Select(tensor => new { name = tensor.Name, part = tensor.Part, shape = tensor.Shape, typeA = tensor.TypeA.ToString().ToLowerInvariant(), typeB = tensor.TypeB.ToString().ToLowerInvariant(), difference = Numbers(tensor.Difference) }),
            });
            if (file != JsonOutput.StandardOutput)
            {
                Show(context, diff, parsed.GetValue(all));
            }

            return diff.Mismatches.Count == 0
                ? ExitCode.Success
                : throw new HybridException(ErrorKind.Mismatch, $"{b}: {diff.Mismatches.Count} tensors cannot be compared with those of {a}, the first is {diff.Mismatches[0].Tensor}: {diff.Mismatches[0].Problem}");
        });
        return command;
    }

    /// <summary>A difference as JSON has it.</summary>
    public static object Numbers(TensorDifference difference) => new
    {
        elements = difference.Elements, changed = difference.Changed, shareChanged = difference.ShareChanged,
        maximumAbsolute = difference.MaximumAbsolute, meanAbsolute = difference.MeanAbsolute, relativeL2 = difference.RelativeL2,
    };

    private static void Show(CommandContext context, ModelDiff diff, bool all)
    {
        foreach (ConfigDifference field in diff.Config)
        {
            context.WriteLine($"config.json: {field.Field} is {field.A} in the first and {field.B} in the second");
        }

        foreach (TensorMismatch mismatch in diff.Mismatches)
        {
            context.WriteLine($"{mismatch.Tensor}: {mismatch.Problem}");
        }

        foreach (IGrouping<string, TensorDiff> types in diff.Tensors.Where(tensor => tensor.TypeA != tensor.TypeB).GroupBy(tensor => $"{tensor.TypeA} in the first and {tensor.TypeB} in the second".ToLowerInvariant()))
        {
            context.WriteLine(Tables.Text($"{types.Count()} tensors are {types.Key}; their values are compared"));
        }

        double largest = diff.Parts.Select(part => part.Difference.RelativeL2).Where(double.IsFinite).DefaultIfEmpty(0).Max();
        Table parts = Tables.New("part", ">changed", ">max abs", ">mean abs", ">relative L2", string.Empty);
        foreach (PartDiff part in diff.Parts)
        {
            parts.AddRow([.. Row(part.Part, part.Difference), Tables.Bar(part.Difference.RelativeL2, largest, BarWidth)]);
        }

        parts.AddRow([.. Row("all", diff.Total), string.Empty]);
        context.Output.Write(parts);
        TensorDiff[] listed = [.. diff.Tensors.Where(tensor => all || tensor.Difference.Changed > 0)];
        if (listed.Length > 0)
        {
            Table tensors = Tables.New("tensor", ">changed", ">max abs", ">mean abs", ">relative L2");
            foreach (TensorDiff tensor in listed)
            {
                tensors.AddRow(Row(tensor.Name, tensor.Difference));
            }

            context.Output.Write(tensors);
        }

        context.WriteLine(Tables.Text($"{diff.Tensors.Count(tensor => tensor.Difference.Changed > 0)} of {diff.Tensors.Count} tensors changed, {diff.Total.Changed:N0} of {diff.Total.Elements:N0} elements"));
    }

    /// <summary>A difference as a row of a table.</summary>
    public static string[] Row(string name, TensorDifference difference) =>
    [
        Markup.Escape(name), Tables.Percent(difference.ShareChanged), Tables.Short(difference.MaximumAbsolute), Tables.Short(difference.MeanAbsolute), Tables.Short(difference.RelativeL2),
    ];
}
