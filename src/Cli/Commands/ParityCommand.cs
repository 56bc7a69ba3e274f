using System.CommandLine;
using System.Globalization;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Verification;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid parity</c>: compares this machine with reference numbers.</summary>
internal static class ParityCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var folder = new Argument<string>("DIR") { Description = "config.json, model.safetensors, batch.json and expected.safetensors." };
        Option<string> device = CommonOptions.Device();
        Option<string?> precision = OptionKinds.OneOf("--dtype", "Compute a float32 reference in bfloat16, with a wider tolerance. Default: the reference's own type.", ["bfloat16"]);
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("parity", """
            Recomputes every quantity of a reference folder (logits, losses, gradients, density, ten Lion steps) and compares.
            Checks a new machine, a GPU or another LibTorch.

            Example:  hybrid parity tests/assets/parity
            """)
        {
            folder, device, precision, threads, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            CommandContext.UseThreads(parsed.GetValue(threads));
            string directory = parsed.GetValue(folder)!;
            IReadOnlyList<ParityRow> rows = ParityCheck.Run(
                directory, CommonOptions.ParseDevice(parsed.GetValue(device)!), parsed.GetValue(precision) is { } name ? CommonOptions.PrecisionOf(name) : null);
            int failed = rows.Count(row => !row.Passed);
            JsonOutput.Write(context, parsed.GetValue(json), new { folder = directory, passed = failed == 0, rows });
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                Show(context, rows);
            }

            return failed == 0
                ? ExitCode.Success
                : throw new HybridException(ErrorKind.Mismatch, $"{directory}: {failed} of {rows.Count} quantities differ by more than the tolerance");
        });
        return command;
    }

    private static void Show(CommandContext context, IReadOnlyList<ParityRow> rows)
    {
        Table table = Tables.New("quantity", ">max abs", ">max rel", ">allowed", string.Empty);
        foreach (ParityRow row in rows)
        {
            table.AddRow(
                Markup.Escape(row.Quantity),
                row.MaximumAbsolute.ToString("0.0e+00", CultureInfo.InvariantCulture),
                row.MaximumRelative.ToString("0.0e+00", CultureInfo.InvariantCulture),
                row.Tolerance.ToString("0e+00", CultureInfo.InvariantCulture),
                (row.Passed ? "[green]ok[/]" : "[red]DIFFERS[/]") + (row.Note.Length > 0 ? $" [grey]{Markup.Escape(row.Note)}[/]" : string.Empty));
        }

        context.Output.Write(table);
    }
}
