using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid report</c>: a page and tables of what experiments found.</summary>
internal static class ReportCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var folders = new Argument<string[]>("RUN") { Description = "Folders of finished experiments, each with its results.json.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--out") { Description = "Where to write; default: the first run's folder.", HelpName = "FOLDER", CustomParser = OptionKinds.ParsePath };
        Option<bool> tablesOnly = OptionKinds.Switch("--tables-only", "Write the tables and no page.");
        Option<string?> json = CommonOptions.Json();
        var command = new Command("report", """
            Writes what experiments found: report.html, one file that needs no network, and its tables as Markdown and CSV in tables/.
            Several runs become one page with a section each. Files of an earlier report are replaced.

            Example:  hybrid report runs/table1-tiny
            """)
        {
            folders, output, tablesOnly, json,
        };
        bind(command, (parsed, context) =>
        {
            string? file = parsed.GetValue(json);
            JsonOutput.Check(file);
            (string RunFolder, ExperimentReport Report)[] runs = [.. parsed.GetValue(folders)!.Select(folder => (folder, ResultsFile.Read(folder)))];
            string outFolder = parsed.GetValue(output) ?? runs[0].RunFolder;
            IReadOnlyList<string> written = parsed.GetValue(tablesOnly) ? ReportFiles.WriteTables(runs, outFolder) : ReportFiles.Write(runs, outFolder);
            JsonOutput.Write(context, file, new { @out = outFolder, runs = runs.Select(run => new { folder = run.RunFolder, name = run.Report.Name }), files = written });
            if (file != JsonOutput.StandardOutput)
            {
                foreach ((_, ExperimentReport report) in runs)
                {
                    ReportView.Show(context, report);
                }

                foreach (string path in written)
                {
                    context.WriteLine(path);
                }
            }

            return ExitCode.Success;
        });
        return command;
    }
}
