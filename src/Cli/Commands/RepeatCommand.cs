using System.CommandLine;
using System.Diagnostics;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Runs;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid repeat</c>: does a run come out the same again?</summary>
internal static class RepeatCommand
{
    /// <summary>Values of one file that are shown; all of them are in the JSON.</summary>
    private const int MostFieldsShown = 5;

    /// <summary>Characters of such a value.</summary>
    private const int MostCharactersShown = 80;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var run = new Argument<string>("RUN") { Description = "What learn, unlearn, attack --out, run or demo made: a folder with run.json." };
        var keep = new Option<string?>("--keep") { Description = "Keep the repetition in this folder, which must not be there, or be empty. Default: a temporary one, deleted afterwards.", HelpName = "FOLDER", CustomParser = OptionKinds.ParsePath };
        Option<string?> json = CommonOptions.Json();
        var command = new Command("repeat", """
            Runs a finished run once more, as its run.json says, and compares: models and files to the last bit, results without their
            times. Inputs that changed are an error; another version or machine is told.

            Example:  hybrid repeat models/kunbr
            """)
        {
            run, keep, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            return Run(parsed.GetValue(run)!, parsed.GetValue(keep), parsed.GetValue(json), context);
        });
        return command;
    }

    private static int Run(string folder, string? keep, string? json, CommandContext context)
    {
        var then = RunRecord.Read(folder);
        using var output = RepeatFolder.Reserve(keep);
        string[] line = RecordedCommand.For(Path.Combine(folder, RunRecord.FileName), then, output.Results, output.Scratch);
        RequireUnchanged(then.Inputs.Select(file => (file.Path, file)), "input of the run", context.Cancellation);
        RequireUnchanged(then.Outputs.Select(file => (Path.Combine(folder, file.Path), file)), "output of the run", context.Cancellation);
        JsonDifference[] changes = [.. then.Circumstances.Differences(RunCircumstances.Current)];
        foreach (JsonDifference change in changes)
        {
            context.Error.Profile.Out.Writer.WriteLine($"hybrid: note: {change.Field} is {change.Now}, then it was {change.Then}");
        }

        var clock = Stopwatch.StartNew();
        int code = HybridProcess.Run(line, then.WorkingFolder, context);
        if (code != ExitCode.Success)
        {
            return code; // it has said why
        }

        double seconds = clock.Elapsed.TotalSeconds;
        var comparison = RunComparison.Of(then, folder, RunRecord.Read(output.Results), output.Results, context.Cancellation);
        output.Keep();
        JsonOutput.Write(context, json, new
        {
            run = folder, command = then.Command, same = comparison.Same, seconds, kept = keep, changes, files = comparison.Files, record = comparison.Record,
            models = comparison.Models.Select(model => new
            {
                folder = model.Folder, config = model.Difference.Config, mismatches = model.Difference.Mismatches, total = DiffCommand.Numbers(model.Difference.Total),
                tensors = Changed(model.Difference).Select(tensor => new { name = tensor.Name, difference = DiffCommand.Numbers(tensor.Difference) }),
            }),
            notCompared = RunComparison.Ignored,
        });
        if (json != JsonOutput.StandardOutput)
        {
            Show(context, folder, then, comparison, seconds);
        }

        return comparison.Same
            ? ExitCode.Success
            : throw new HybridException(ErrorKind.NotRepeated, $"{folder}: did not come out the same: {string.Join(", ", Parts(comparison))}");
    }

    /// <summary>A file that is not as it was would make the comparison say nothing.</summary>
    private static void RequireUnchanged(IEnumerable<(string Path, FileDigest Digest)> files, string what, CancellationToken cancellation)
    {
        foreach ((string path, FileDigest digest) in files)
        {
            if (digest.ChangeOf(path, cancellation) is { } change)
            {
                throw new HybridException(ErrorKind.Mismatch, $"{path}: {what}: {change}");
            }
        }
    }

    private static void Show(CommandContext context, string folder, RunRecord then, RunComparison comparison, double seconds)
    {
        foreach (FileComparison file in comparison.Files.Where(file => file.Problem is not null))
        {
            context.WriteLine($"{file.File}: {file.Problem}");
            foreach (JsonDifference field in file.Fields.Take(MostFieldsShown))
            {
                context.WriteLine($"  {Line(field)}");
            }
        }

        foreach (JsonDifference field in comparison.Record.Take(MostFieldsShown))
        {
            context.WriteLine($"{RunRecord.FileName}: {Line(field)}");
        }

        foreach (ModelComparison model in comparison.Models)
        {
            Table table = Tables.New("tensor", ">changed", ">max abs", ">mean abs", ">relative L2");
            foreach (TensorDiff tensor in Changed(model.Difference))
            {
                table.AddRow(DiffCommand.Row(tensor.Name, tensor.Difference));
            }

            table.AddRow(DiffCommand.Row("all", model.Difference.Total));
            context.Output.Write(table);
        }

        if (comparison.Same)
        {
            context.WriteLine(Tables.Text($"{folder}: {then.Command} came out the same: {comparison.Files.Count} files, {seconds:F1} s (then {then.WallSeconds:F1} s); not compared: {string.Join(", ", RunComparison.Ignored)}"));
        }
    }

    private static string Line(JsonDifference field) => $"{field.Field}: {Cut(field.Now)}, then {Cut(field.Then)}";

    private static string Cut(string text) => text.Length <= MostCharactersShown ? text : text[..MostCharactersShown] + "…";

    private static IEnumerable<TensorDiff> Changed(ModelDiff difference) => difference.Tensors.Where(tensor => tensor.Difference.Changed > 0 || tensor.TypeA != tensor.TypeB);

    private static IEnumerable<string> Parts(RunComparison comparison)
    {
        FileComparison[] files = [.. comparison.Files.Where(file => file.Problem is not null)];
        if (files.Length > 0)
        {
            yield return $"{files.Length} of {comparison.Files.Count} files, the first is {files[0].File}";
        }

        if (comparison.Record.Count > 0)
        {
            yield return $"{comparison.Record.Count} values of {RunRecord.FileName}, the first is {comparison.Record[0].Field}";
        }
    }
}
