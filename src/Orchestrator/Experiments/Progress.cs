using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>Progress of one job among others.</summary>
internal static class Progress
{
    /// <summary>The same progress with the job's name before each stage.</summary>
    public static IProgress<TrainingProgress> Labelled(IProgress<TrainingProgress> progress, string label) =>
        new SynchronousProgress<TrainingProgress>(value => progress.Report(value with { Stage = $"{label} · {value.Stage}" }));
}
