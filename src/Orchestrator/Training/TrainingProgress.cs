namespace Hybrid.Orchestrator.Training;

/// <summary>One step of a long piece of work, for bars and metrics.</summary>
/// <param name="Stage">What is being done, for people: "teach", "pre-unlearn", "re-insert layer 3", …</param>
/// <param name="Step">Steps done in this stage.</param>
/// <param name="TotalSteps">Steps that the stage has.</param>
/// <param name="Loss">The loss of this step, before its update; NaN in stages without one.</param>
/// <param name="ForgetNll">Mean NLL of the forget tokens, where the loss has such a part.</param>
/// <param name="RetainNll">Mean NLL of the retain tokens, where the loss has such a part.</param>
public sealed record TrainingProgress(string Stage, int Step, int TotalSteps, double Loss, double? ForgetNll = null, double? RetainNll = null);

/// <summary>Tells of progress at once, on the calling thread. (The framework's own Progress posts to a pool, out of order.)</summary>
public sealed class SynchronousProgress<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
