using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Writes every step's losses to TensorBoard, by stage: <c>STAGE/loss</c>, and <c>STAGE/forget-nll</c> and <c>STAGE/retain-nll</c> where the loss
/// has such parts; then passes the step on. Does not own the writer.
/// </summary>
internal sealed class TensorBoardProgress(TensorBoardWriter writer, IProgress<TrainingProgress>? next) : IProgress<TrainingProgress>
{
    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        (string Part, double? Value)[] parts = [("loss", value.Loss), ("forget-nll", value.ForgetNll), ("retain-nll", value.RetainNll)];
        writer.Write(value.Step, parts.Where(part => part.Value is not null).Select(part => ($"{value.Stage}/{part.Part}", (float)part.Value!.Value)));
        next?.Report(value);
    }
}
