using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>
/// A whole experiment in a folder of its own, from the model that knows the facts to the report: what <c>hybrid run</c> does. The same settings in the
/// same folder go on where an earlier run was stopped or killed, and do nothing again that is done. Several may run at once in a process, each in a folder of
/// its own.
/// </summary>
public sealed class UnlearningRun
{
    private readonly UnlearningRunOptions options;
    private readonly ILogger logger;

    /// <summary>Prepares a run; nothing is read or written yet.</summary>
    /// <param name="settings">The experiment, from YAML (<see cref="ExperimentYaml"/>) or made in code.</param>
    /// <param name="options">Where it runs, and how.</param>
    /// <param name="logger">Told when the run, and each job of it, begins and ends.</param>
    /// <exception cref="HybridException">Config: the settings have no meaning; all problems stand in the message.</exception>
    public UnlearningRun(ExperimentSettings settings, UnlearningRunOptions options, ILogger<UnlearningRun>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        HybridException.ThrowIfAny(ErrorKind.Config, $"experiment '{settings.Name}'", settings.Validate(options.Registry));
        Settings = settings;
        this.options = options;
        this.logger = logger ?? (ILogger)NullLogger.Instance;
    }

    /// <summary>The experiment.</summary>
    public ExperimentSettings Settings { get; }

    /// <summary>The run's folder.</summary>
    public string Folder => options.Folder;

    /// <summary>Says what would be done: jobs, optimizer steps, memory, disk. Reads the dataset and the model's shape; writes nothing.</summary>
    /// <exception cref="HybridException">Config, DataFile, ModelFile: what the run would fail of before its first job.</exception>
    /// <exception cref="NativeException">The device is not here.</exception>
    public ExperimentPlan Plan() => ExperimentPlan.Of(Settings, options.Registry, DeviceName.Require(Settings.Device, "device"), Folder);

    /// <summary>Runs what is missing, on threads of its own, and writes the report.</summary>
    /// <param name="progress">Told of every step of every job, one at a time, on the run's threads, which wait for it; what it throws ends the run.</param>
    /// <param name="cancellation">Stops between two steps, with checkpoints; what is done by then is kept.</param>
    /// <returns>What was found. Every error comes by the task.</returns>
    /// <exception cref="HybridException">Any kind; the message is for people. A job that diverged ends the run only where every setting of its method did.</exception>
    /// <exception cref="NativeException">The device is not here, or an operation on it failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Task<UnlearningRunResult> RunAsync(IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        ComputeThread.Run($"hybrid run {Settings.Name}", Settings.Threads, () => HybridTelemetry.Trace("run", Settings.Name, () => Run(progress, cancellation)));

    private UnlearningRunResult Run(IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            RunLog.Started(logger, Settings.Name, Folder);
            UnlearningRunResult result = RunLocked(progress, cancellation);
            RunLog.Finished(logger, Settings.Name, result.Report.Provenance.ComputeSeconds);
            return result;
        }
        catch (OperationCanceledException)
        {
            RunLog.Cancelled(logger, Settings.Name, Folder);
            throw;
        }
        catch (Exception error)
        {
            RunLog.Failed(logger, error, Settings.Name, Folder);
            throw;
        }
    }

    private UnlearningRunResult RunLocked(IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        Device device = DeviceName.Require(Settings.Device, "device");
        using RunFolder folder = RunFolder.CreateOrContinue(Folder, $"run {Settings.Name}", ExperimentYaml.ToObject(Settings), Settings.Seeds, options.Arguments);
        var experiment = new Experiment(Settings, options.Registry, device, folder, progress, options.CheckpointInterval, logger, cancellation);
        ResultsFile.Delete(folder.FullPath); // whatever a run that went before had found; its jobs' results stay
        return folder.Record(
            () =>
            {
                ExperimentReport report = experiment.Run();
                ResultsFile.Write(folder.FullPath, report);
                return new UnlearningRunResult(report, ReportFiles.Write([(Folder, report)], Folder));
            },
            result => new { file = ResultsFile.Name, result.Report.Provenance.ComputeSeconds },
            experiment.Files);
    }
}

/// <summary>Where and how a run runs.</summary>
public sealed record UnlearningRunOptions
{
    /// <summary>The run's folder: new, empty, or that of the same run.</summary>
    public required string Folder { get; init; }

    /// <summary>What the settings may call by name.</summary>
    public HybridRegistry Registry { get; init; } = HybridRegistry.BuiltIn;

    /// <summary>Time between two checkpoints of a job under way; zero for one after every step.</summary>
    public TimeSpan CheckpointInterval { get; init; } = RunJournal.UsualInterval;

    /// <summary>The command line's options, for the run's record.</summary>
    internal IReadOnlyList<string> Arguments { get; init; } = [];
}

/// <summary>What a run found.</summary>
/// <param name="Report">Every figure; it is <c>results.json</c> in the folder.</param>
/// <param name="Files">The report's files: the page first, then its tables as Markdown and CSV.</param>
public sealed record UnlearningRunResult(ExperimentReport Report, IReadOnlyList<string> Files);
