using System.CommandLine;
using System.Globalization;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Spectre.Console;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid run</c>: a whole experiment from one file.</summary>
internal static class RunCommand
{
    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        var file = new Argument<string>("FILE") { Description = "The experiment as YAML; configs/ has some." };
        var output = new Option<string?>("--out") { Description = "Folder of the run; default: runs/NAME. A run that is in it already is continued.", HelpName = "FOLDER", CustomParser = OptionKinds.ParsePath };
        var set = new Option<string[]>("--set") { Description = "Replaces one value of the file, for example seeds=[1,2] or methods.0.gd.epochs=3.", HelpName = "A.B=VALUE" };
        Option<bool> plan = OptionKinds.Switch("--plan", "Only say what would be done: jobs, optimizer steps, memory, disk.");
        Option<int?> jobs = OptionKinds.Count("--jobs", "Jobs side by side, in place of the file's number.");
        Option<double?> checkpoints = CheckpointOptions.Interval();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("run", """
            Runs a whole experiment: teaches or loads a model, makes it forget by every method and setting, picks settings by one
            rule, attacks what was picked, and writes a report. Running it again does only what is missing, and goes on with jobs that were
            stopped or killed on their way.

            Example:  hybrid run configs/table1-tiny.yaml
            """)
        {
            file, output, set, plan, jobs, checkpoints, json,
        };
        bind(command, (parsed, context) =>
        {
            string? target = parsed.GetValue(json);
            JsonOutput.Check(target);
            string[] overrides = [.. parsed.GetValue(set) ?? [], .. parsed.GetValue(jobs) is { } number ? [$"jobs={number}"] : Array.Empty<string>()];
            ExperimentSettings settings = ExperimentYaml.Load(parsed.GetValue(file)!, overrides);
            string folder = parsed.GetValue(output) ?? Path.Combine("runs", settings.Name);
            var run = new UnlearningRun(settings, new UnlearningRunOptions
            {
                Folder = folder, CheckpointInterval = CheckpointOptions.IntervalOf(parsed.GetValue(checkpoints)), Arguments = RunRecorder.ArgumentsOf(parsed),
            });
            return parsed.GetValue(plan) ? ShowPlan(run.Plan(), settings, target, context) : Run(run, target, context);
        });
        return command;
    }

    /// <summary>Runs the experiment, writes its report, and shows what was found.</summary>
    public static int Run(UnlearningRun run, string? json, CommandContext context)
    {
        UnlearningRunResult result;
        using (ConsoleProgress progress = context.StartProgress())
        {
            result = run.RunAsync(progress, context.Cancellation).GetAwaiter().GetResult();
        }

        JsonOutput.Write(context, json, result.Report);
        if (json != JsonOutput.StandardOutput)
        {
            ReportView.Show(context, result.Report);
            context.WriteLine($"{result.Files[0]}  (and {result.Files.Count - 1} files of tables; TensorBoard events in {Path.Combine(run.Folder, Experiment.EventsFolder)})");
        }

        return ExitCode.Success;
    }

    private static int ShowPlan(ExperimentPlan plan, ExperimentSettings settings, string? json, CommandContext context)
    {
        JsonOutput.Write(context, json, plan);
        if (json == JsonOutput.StandardOutput)
        {
            return ExitCode.Success;
        }

        Table table = Tables.New("stage", ">jobs", ">done", ">optimizer steps");
        foreach (PlannedStage stage in plan.Stages.Where(stage => stage.Jobs > 0))
        {
            table.AddRow(stage.Stage, Number(stage.Jobs), stage.Done is { } done ? Number(done) : "–", stage.Steps > 0 ? Number(stage.Steps) : "–");
        }

        context.WriteLine(Tables.Text($"{settings.Title}: {settings.Methods.Count} methods, {settings.Seeds.Count} seeds, {settings.Jobs} jobs side by side with {settings.Threads} threads each"));
        context.Output.Write(table);
        context.WriteLine($"model: {Number(plan.Parameters)} parameters; memory of tensors: {(plan.MemoryBytes is { } memory ? $"at most {Size(memory)}" : "known once the model is taught")}; disk: at most {Size(plan.DiskBytes)}");
        return ExitCode.Success;
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F1} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F0} MiB");
}
