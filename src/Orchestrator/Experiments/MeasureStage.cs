using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What an unlearned model answers.</summary>
/// <param name="Diverged">Why it answers nothing, where its logits are no numbers; the figures are then absent.</param>
/// <param name="Forget">Accuracy on all forget questions.</param>
/// <param name="ForgetCalibrated">The same without preference for a letter.</param>
/// <param name="RetainHits">On the retain questions.</param>
/// <param name="RetainTextNll">Mean NLL of the retain text's tokens; null where not asked for.</param>
internal sealed record MeasureResult(string? Diverged, double Forget, double ForgetCalibrated, string RetainHits, double? RetainTextNll);

/// <summary>The third stage: every unlearned model is asked.</summary>
internal sealed class MeasureStage(ExperimentSettings settings)
{
    /// <summary>The job of a trial.</summary>
    public Job<MeasureResult> JobFor(Trial trial) => new($"{trial.JobPrefix}/measure", JobStore.Fingerprint("measure", trial.Fingerprint, settings.Utility), (_, cancellation) =>
    {
        SeedWorld world = trial.World;
        McqEvaluator evaluator = world.Evaluator();
        using LlamaModel model = world.Load(trial.ModelFolder);
        try
        {
            McqResult forget = evaluator.Evaluate(model, world.ForgetQuestions, cancellation);
            string retain = HitString.Of(evaluator.Evaluate(model, world.Dataset.RetainQuestions, cancellation));
            return new MeasureResult(null, forget.Accuracy, forget.CalibratedAccuracy, retain, world.RetainTextNll(model, cancellation));
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            return new MeasureResult(error.Message, 0, 0, string.Empty, null);
        }
    });
}
