using System.CommandLine;
using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Runs;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid demo</c>: the main job on made-up data.</summary>
internal static class DemoCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<ulong> seed = CommonOptions.Seed();
        var output = new Option<string?>("--out") { Description = "Folder of the run; default: runs/demo-TIME.", HelpName = "FOLDER" };
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("demo", """
            The main job with no file of your own: makes birthdays up, teaches a small model, makes it forget half of them by
            gradient difference and by KUnBR, and attacks the results. Leaves data, models and metrics in a run folder.

            Example:  hybrid demo --seed 1
            """)
        {
            seed, output, threads, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            CommandContext.UseThreads(parsed.GetValue(threads));
            ulong chosen = parsed.GetValue(seed);
            string path = parsed.GetValue(output) ?? Path.Combine("runs", $"demo-{DateTime.Now:yyyyMMdd-HHmmss}");
            DemoOptions options = DemoOptions.Standard;
            using RunFolder folder = RunFolder.Create(path, "demo", options, [chosen]);
            DemoReport report;
            using (ConsoleProgress progress = context.StartProgress())
            {
                report = folder.Record(() => new Demo(options, chosen, folder, progress, context.Cancellation).Run());
            }

            JsonOutput.Write(context, parsed.GetValue(json), report);
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                Show(context, options, report, chosen, folder.FullPath);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(CommandContext context, DemoOptions options, DemoReport report, ulong seed, string folder)
    {
        context.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Random birthdays of {options.People} people to forget and {options.People} to retain, seed {seed}."));
        context.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Taught in {report.TaughtEpochs} passes ({report.TaughtSeconds:F0} s): forget {Tables.Percent(report.ForgetBefore)}, retain {Tables.Percent(report.RetainBefore)}; guessing gives 25.0 %."));
        Table table = Tables.New("method", "α, rate", ">forget before", ">after", ">after RTT", ">recovery", ">retain before", ">after", ">seconds");
        foreach (DemoRow row in report.Rows)
        {
            DemoCandidate picked = row.Candidate;
            table.AddRow(
                Title(picked.Method),
                string.Create(CultureInfo.InvariantCulture, $"{picked.RetainCoefficient}, {picked.LearningRate:0e+0}"),
                Tables.Percent(row.ForgetBefore),
                Tables.Percent(row.ForgetAfter),
                Tables.Percent(row.AfterAttack),
                string.Create(CultureInfo.InvariantCulture, $"{row.Recovery * 100:+0.0;-0.0;0.0}"),
                Tables.Percent(report.RetainBefore),
                Tables.Percent(picked.Retain) + (row.MetRule ? string.Empty : " !"),
                string.Create(CultureInfo.InvariantCulture, $"{picked.Seconds + row.AttackSeconds:F1}"));
        }

        context.Output.Write(table);
        int settings = options.RetainCoefficients.Count * options.LearningRates.Count;
        string steps = string.Join(", ", report.Rows.Select(row => $"{Title(row.Candidate.Method)} {row.Candidate.Steps}"));
        context.WriteLine($"Each method: the same {settings} settings of α and rate; optimizer steps: {steps}. Picked on folds {Folds(options.TuningFolds)} by the rule");
        context.WriteLine($"\"retain at most {options.AllowedRetainLoss * 100:0} points down, then the least accuracy after RTT\"; the forget columns are on the held-out folds {Folds(options.ReportingFolds)}.");
        context.WriteLine($"RTT: {options.Attack.LearningRates.Count} rates, {options.Attack.Epochs} epochs; retrained on four splits, asked on the fifth.");
        if (report.Rows.Any(row => !row.MetRule))
        {
            context.WriteLine("! No setting of this method kept the retain accuracy; the one that kept most stands here.");
        }

        foreach (DemoRow row in report.Rows.Where(row => row.Candidate.Blocks.Count > 0))
        {
            context.WriteLine($"Blocks re-inserted, densest first: {string.Join(", ", row.Candidate.Blocks)} of 0–{options.Preset.Shape.Layers - 1}.");
        }

        context.WriteLine($"{Runtime.BuildInfo}; {Runtime.Threads} threads. Run folder: {folder}");
    }

    private static string Title(string method) => method == "kunbr" ? "KUnBR" : method.ToUpperInvariant();

    private static string Folds(IReadOnlyList<int> folds) => string.Join(", ", folds);
}
