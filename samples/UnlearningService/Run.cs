using Hybrid.Orchestrator.Training;

namespace UnlearningService;

/// <summary>Where a run stands: it waits (anew after the service was stopped in its middle), is under way, or has ended with a report, with an error, or because nobody wanted it any more.</summary>
internal enum RunStatus { Queued, Running, Finished, Failed, Cancelled }

/// <summary>What is on disk of a run beside its YAML.</summary>
/// <param name="Status">Where it stands.</param>
/// <param name="Submitted">When it was submitted, UTC.</param>
/// <param name="Started">When it began, or went on, last.</param>
/// <param name="Ended">When it ended.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Starts">How often it has begun since it last waited: more than once where the process ended with it.</param>
internal sealed record RunState(RunStatus Status, DateTime Submitted, DateTime? Started = null, DateTime? Ended = null, string? Error = null, int Starts = 0);

/// <summary>The latest step.</summary>
/// <param name="Stage">What is being done, for people.</param>
/// <param name="Step">Steps done in this stage.</param>
/// <param name="TotalSteps">Steps that it has.</param>
/// <param name="Loss">The loss of the step; null in stages without one.</param>
internal sealed record RunProgress(string Stage, int Step, int TotalSteps, double? Loss);

/// <summary>A run as clients see it.</summary>
internal sealed record RunView(string Id, RunStatus Status, string? Error, RunProgress? Progress, DateTime Submitted, DateTime? Started, DateTime? Ended);

/// <summary>
/// A submitted run. What changes is written to disk before anybody is told of it, so that a client never knows more than a service that was killed.
/// Safe to use from several threads.
/// </summary>
internal sealed class Run(string id, string folder, RunState state) : IProgress<TrainingProgress>
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource unwanted = new();
    private volatile RunState state = state;
    private volatile RunProgress? progress;

    /// <summary>Its id.</summary>
    public string Id => id;

    /// <summary>What is on disk.</summary>
    public RunState State => state;

    /// <summary>Whether it will not change any more.</summary>
    public bool HasEnded => state.Ended is not null;

    /// <summary>Hybrid's own folder: checkpoints, models, results, report.</summary>
    public string WorkFolder => Path.Combine(folder, "run");

    /// <summary>Cancelled when a client does not want the run any more.</summary>
    public CancellationToken Unwanted => unwanted.Token;

    /// <summary>The experiment as it was submitted.</summary>
    public string ReadYaml() => File.ReadAllText(Path.Combine(folder, RunStore.YamlFile));

    /// <summary>The run as it is now.</summary>
    public RunView View
    {
        get
        {
            RunState now = state;
            return new RunView(id, now.Status, now.Error, progress, now.Submitted, now.Started, now.Ended);
        }
    }

    /// <summary>Keeps the latest step. Called for every one, and the run waits for it, so it does nothing else.</summary>
    public void Report(TrainingProgress value) =>
        progress = new RunProgress(value.Stage, value.Step, value.TotalSteps, double.IsFinite(value.Loss) ? value.Loss : null);

    /// <summary>Marks it as begun, unless it has been cancelled meanwhile.</summary>
    public bool TryBegin() => Change(now => now with { Status = RunStatus.Running, Started = DateTime.UtcNow, Starts = now.Starts + 1 });

    /// <summary>Marks it as waiting again: the service is being stopped.</summary>
    public void Requeue() => Change(now => now with { Status = RunStatus.Queued, Starts = 0 });

    /// <summary>Marks it as finished or failed, unless it has been cancelled meanwhile.</summary>
    public void End(RunStatus status, string? error = null) => Change(now => now with { Status = status, Error = error, Ended = DateTime.UtcNow });

    /// <summary>Marks it as cancelled and stops it, if it has not ended.</summary>
    public void Cancel()
    {
        if (Change(now => now with { Status = RunStatus.Cancelled, Ended = DateTime.UtcNow }))
        {
            unwanted.Cancel();
        }
    }

    private bool Change(Func<RunState, RunState> change)
    {
        lock (gate)
        {
            if (HasEnded)
            {
                return false;
            }

            RunState next = change(state);
            RunStore.Write(folder, next);
            state = next;
            return true;
        }
    }
}
