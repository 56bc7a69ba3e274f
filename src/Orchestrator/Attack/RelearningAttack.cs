using System.Globalization;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>Options of the RTT attack.</summary>
public sealed record RelearningOptions
{
    /// <summary>Folds to run, each the index of the split that is held out.</summary>
    public required IReadOnlyList<int> Folds { get; init; }

    /// <summary>Learning rates to try; the attacker keeps the best.</summary>
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>Passes over T.</summary>
    public required int Epochs { get; init; }

    /// <summary>Questions a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How questions of T are trained on.</summary>
    public required QuestionForm Form { get; init; }

    /// <summary>What happens to a question of V that also stands in T.</summary>
    public required LeakPolicy Leaks { get; init; }

    /// <summary>The optimizer; its learning rate is replaced by each of <see cref="LearningRates"/>.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Folds.Count == 0 || LearningRates.Count == 0)
        {
            yield return "at least one fold and one learning rate are needed";
        }

        if (Epochs < 1 || BatchSize < 1)
        {
            yield return $"epochs {Epochs} and batch size {BatchSize} must be at least 1";
        }

        foreach (double rate in LearningRates.Where(rate => !(rate > 0)))
        {
            yield return $"learning rate {rate} must be positive";
        }

        foreach (string problem in (Optimizer with { LearningRate = 1 }).Validate())
        {
            yield return problem;
        }
    }
}

/// <summary>
/// RTT, retraining on T (Deeb and Roger 2025): fine-tune a copy of the unlearned model on four of the five forget splits and look whether
/// the fifth, V, comes back. What was removed from the weights cannot; what was only covered does.
/// </summary>
public sealed class RelearningAttack(RelearningOptions options, ExampleEncoder encoder, McqEvaluator evaluator)
{
    /// <summary>Runs every fold with every learning rate. The model itself does not change.</summary>
    /// <exception cref="HybridException">EmptySplit: a fold without T or V.</exception>
    public RelearningReport Run(LlamaModel model, IReadOnlyList<QuestionSplit> forgetSplits, SeededRandom random, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<RelearningFold> folds = RttFolds.Make(forgetSplits, options.Leaks, options.Folds);
        var curves = new List<RelearningCurve>();
        foreach (RelearningFold fold in folds)
        {
            foreach (double rate in options.LearningRates)
            {
                curves.Add(Retrain(model, fold, rate, random.Fork($"fold {fold.Index}"), progress, cancellation));
            }
        }

        return new RelearningReport(curves, [.. folds.Select(fold => new FoldFacts(fold.Index, fold.HeldOutSplit, fold.Train.Count, fold.Validation.Count, fold.LeftOutCount))]);
    }

    /// <summary>One fold with one rate: accuracy on V before, and after every epoch.</summary>
    private RelearningCurve Retrain(LlamaModel model, RelearningFold fold, double rate, SeededRandom random, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        using LlamaModel attacked = model.Clone();
        attacked.SetTrainable(attacked.Names);
        TokenSequence[] train = [.. fold.Train.Select(question => encoder.Encode(question, options.Form))];
        var accuracies = new List<double> { AccuracyOnV() };
        var loop = new EpochLoop
        {
            Stage = $"attack {fold.HeldOutSplit} at {rate.ToString("0.0e+0", CultureInfo.InvariantCulture)}",
            Model = attacked,
            Optimizer = options.Optimizer with { LearningRate = rate },
            Epochs = options.Epochs,
            Examples = train.Length,
            BatchSize = options.BatchSize,
            Random = random,
            Progress = progress,
            Cancellation = cancellation,
        };
        loop.Run(Loss, _ =>
        {
            accuracies.Add(AccuracyOnV());
            return true;
        });
        return new RelearningCurve(fold.Index, rate, accuracies);

        double AccuracyOnV() => evaluator.Evaluate(attacked, fold.Validation, cancellation).Accuracy;

        ForgetRetainLoss Loss(int[] batch) => new(Losses.MeanNll(attacked, new PackedBatch([.. batch.Select(i => train[i])])), null, null);
    }
}
