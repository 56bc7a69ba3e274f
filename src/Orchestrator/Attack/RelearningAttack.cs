using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// RTT, retraining on T (Deeb and Roger 2025): fine-tune a copy of the unlearned model on four of the five forget splits and look whether
/// the fifth, V, comes back. What was removed from the weights cannot; what was only covered does.
/// </summary>
/// <param name="options">Options.</param>
/// <param name="encoder">Makes token sequences.</param>
/// <param name="evaluator">Asks V.</param>
/// <param name="device">Where copies are trained, which need not be where the model is; null for there.</param>
internal sealed class RelearningAttack(RelearningOptions options, ExampleEncoder encoder, McqEvaluator evaluator, Device? device = null)
{
    private readonly RelearningJob job = new(options, encoder, evaluator, device);

    /// <summary>Runs every fold with every learning rate, one after the other. The model itself does not change.</summary>
    /// <exception cref="HybridException">EmptySplit: a fold without T or V. Diverged: no rate came through.</exception>
    public RelearningReport Run(LlamaModel model, IReadOnlyList<QuestionSplit> forgetSplits, SeededRandom random, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        Run(model, forgetSplits, random, workers: 1, files: null, progress, cancellation);

    /// <summary>
    /// The same with several jobs side by side, each with a copy of the model and an equal part of the threads. The report does not depend on
    /// how many there are, as long as each has as many threads.
    /// </summary>
    /// <param name="model">The unlearned model.</param>
    /// <param name="forgetSplits">The forget splits.</param>
    /// <param name="random">The attack's chance.</param>
    /// <param name="workers">Jobs at a time.</param>
    /// <param name="files">Where curves are kept as they are finished, and taken from instead of computing them; null for nowhere.</param>
    /// <param name="progress">Told of every step, from several threads where there are several workers.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="HybridException">EmptySplit, Diverged as above; Config, Io: a file of <paramref name="files"/>.</exception>
    public RelearningReport Run(
        LlamaModel model, IReadOnlyList<QuestionSplit> forgetSplits, SeededRandom random, int workers, CurveFiles? files, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<RelearningFold> folds = RttFolds.Make(forgetSplits, options.Leaks, options.Folds);
        Func<CancellationToken, RelearningCurve>[] jobs =
        [
            .. folds.SelectMany(fold => options.LearningRates.Select(rate => new Func<CancellationToken, RelearningCurve>(stop =>
                CurveFiles.ReadOr(files, fold.Index, rate, journal => job.Retrain(model, fold, rate, random, progress, stop, journal))))),
        ];
        IReadOnlyList<RelearningCurve> curves = JobQueue.Run(jobs, workers, Math.Max(1, Runtime.Threads / workers), cancellation);
        return new RelearningReport(curves, [.. folds.Select(FoldFacts.Of)]);
    }
}
