using System.CommandLine;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid demo</c>: the main job on made-up data.</summary>
internal static class DemoCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<ulong> seed = CommonOptions.Seed();
        var output = new Option<string?>("--out") { Description = "Folder of the run; default: runs/demo-TIME.", HelpName = "FOLDER", CustomParser = OptionKinds.ParsePath };
        Option<int?> jobs = OptionKinds.Count("--jobs", "Jobs side by side; default: one for each processor. The figures do not depend on it.");
        Option<string?> json = CommonOptions.Json();
        var command = new Command("demo", """
            The main job with no file of your own: makes birthdays up, teaches a small model, makes it forget half of them by
            gradient difference and by KUnBR, attacks the results, and writes a report. The same as hybrid run configs/demo.yaml.

            Example:  hybrid demo --seed 1
            """)
        {
            seed, output, jobs, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            ExperimentSettings settings = ExperimentYaml.Demo([$"seeds=[{parsed.GetValue(seed)}]", $"jobs={parsed.GetValue(jobs) ?? Environment.ProcessorCount}"]);
            string path = parsed.GetValue(output) ?? Path.Combine("runs", $"demo-{DateTime.Now:yyyyMMdd-HHmmss}");
            return RunCommand.Run(new UnlearningRun(settings, new UnlearningRunOptions { Folder = path, Arguments = RunRecorder.ArgumentsOf(parsed) }), parsed.GetValue(json), context);
        });
        return command;
    }
}
