using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>Progress of many jobs at once: says before each stage how many jobs of how many are done. Safe to use from several threads.</summary>
internal sealed class CountedProgress(IProgress<TrainingProgress>? progress) : IProgress<TrainingProgress>
{
    private readonly Lock gate = new();
    private string phase = string.Empty;
    private int jobs;
    private int done;

    /// <summary>A phase with so many jobs begins.</summary>
    public void Begin(string name, int count)
    {
        lock (gate)
        {
            (phase, jobs, done) = (name, count, 0);
        }
    }

    /// <summary>A job of the phase has ended.</summary>
    public void JobDone()
    {
        lock (gate)
        {
            done++;
        }
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        lock (gate)
        {
            progress?.Report(value with { Stage = $"{phase} {done}/{jobs} · {value.Stage}" });
        }
    }
}
