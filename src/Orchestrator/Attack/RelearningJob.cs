using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// The unit of the RTT attack: one fold at one learning rate. Jobs share nothing but the model they copy, so they may run side by side and
/// in any order.
/// </summary>
/// <param name="options">Options.</param>
/// <param name="encoder">Makes token sequences.</param>
/// <param name="evaluator">Asks V.</param>
/// <param name="device">Where copies are trained, which need not be where the model is; null for there.</param>
internal sealed class RelearningJob(RelearningOptions options, ExampleEncoder encoder, McqEvaluator evaluator, Device? device = null)
{
    /// <summary>Retrains a copy on T; asks V before any step and after every epoch. The model itself does not change.</summary>
    /// <param name="model">The unlearned model.</param>
    /// <param name="fold">T and V.</param>
    /// <param name="learningRate">The rate after warm-up.</param>
    /// <param name="random">The attack's chance; each fold has its own branch of it, the same for every rate.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <param name="journal">What the job survives its process by; null for nothing.</param>
    /// <returns>The curve; where training diverged, it ends early and says so.</returns>
    public RelearningCurve Retrain(
        LlamaModel model,
        RelearningFold fold,
        double learningRate,
        SeededRandom random,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default,
        RunJournal? journal = null)
    {
        using LlamaModel attacked = model.CloneOn(device ?? model.Device);
        FineTuning tuning = Prepare(attacked, fold, learningRate, options.Epochs, random, progress, cancellation) with { Journal = journal };
        (IReadOnlyList<string> hits, string? diverged) = tuning.Measure(evaluator, fold.Validation);
        return new RelearningCurve(fold.Index, learningRate, hits, diverged);
    }

    /// <summary>The attacked copy as <see cref="Retrain"/> has it after an epoch, to be asked other things. The caller disposes it.</summary>
    /// <param name="model">The unlearned model.</param>
    /// <param name="fold">T; V is not asked.</param>
    /// <param name="learningRate">The rate after warm-up.</param>
    /// <param name="epochs">The epoch after which to stop, from 1 to the options' epochs.</param>
    /// <param name="random">The attack's chance, as in <see cref="Retrain"/>.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="HybridException">Diverged.</exception>
    public LlamaModel AttackedModel(
        LlamaModel model, RelearningFold fold, double learningRate, int epochs, SeededRandom random, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(epochs, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(epochs, options.Epochs);
        LlamaModel attacked = model.CloneOn(device ?? model.Device);
        try
        {
            Prepare(attacked, fold, learningRate, epochs, random, progress, cancellation).Run();
            return attacked;
        }
        catch
        {
            attacked.Dispose();
            throw;
        }
    }

    private FineTuning Prepare(
        LlamaModel attacked, RelearningFold fold, double learningRate, int epochs, SeededRandom random, IProgress<TrainingProgress>? progress, CancellationToken cancellation) => new()
        {
            Stage = $"attack {fold.HeldOutSplit} at {learningRate.ToString("0.0e+0", CultureInfo.InvariantCulture)}",
            Model = attacked,
            Examples = [.. fold.Train.Select(question => encoder.Encode(question, options.Form))],
            Optimizer = options.Optimizer with { LearningRate = learningRate },
            Epochs = epochs,
            BatchSize = options.BatchSize,
            Random = random.Fork($"fold {fold.Index}"),
            Progress = progress,
            Cancellation = cancellation,
        };
}
