using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// Fine-tunes a copy of the unlearned model on text without any forgotten fact and asks the forget questions: what comes back nevertheless
/// was never gone. (Łucki et al. 2024; Hu et al. 2024 call it benign relearning.)
/// </summary>
/// <param name="options">Options.</param>
/// <param name="encoder">Makes token sequences.</param>
/// <param name="evaluator">Asks the questions.</param>
/// <param name="device">Where copies are trained, which need not be where the model is; null for there.</param>
internal sealed class RetainRelearningAttack(RetainRelearningOptions options, ExampleEncoder encoder, McqEvaluator evaluator, Device? device = null)
{
    /// <summary>The number under which the report has its one fold: all questions, of which none is trained on.</summary>
    public const int OnlyFold = 0;

    /// <summary>Tries every learning rate. The model itself does not change.</summary>
    /// <param name="model">The unlearned model.</param>
    /// <param name="text">What is trained on, all tokens scored; a text of a single token is left out.</param>
    /// <param name="questions">What is asked before any step and after every epoch.</param>
    /// <param name="random">The attack's chance: the choice of texts, the same for every rate, and their order.</param>
    /// <param name="workers">Rates at a time, each with an equal part of the threads.</param>
    /// <param name="files">Where curves are kept as they are finished, and taken from; null for nowhere.</param>
    /// <param name="progress">Told of every step, from several threads where there are several workers.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>A report of one fold, <see cref="OnlyFold"/>.</returns>
    /// <exception cref="HybridException">EmptySplit: no text or no question. Diverged: no rate came through. DataFile, Io: the text, or a file of
    /// <paramref name="files"/>.</exception>
    public RelearningReport Run(
        LlamaModel model,
        TextCorpus text,
        IReadOnlyList<MultipleChoiceQuestion> questions,
        SeededRandom random,
        int workers = 1,
        CurveFiles? files = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        IReadOnlyList<TokenSequence> examples = Choose(text, random);
        Func<CancellationToken, RelearningCurve>[] jobs =
        [
            .. options.LearningRates.Select(rate => new Func<CancellationToken, RelearningCurve>(stop =>
                CurveFiles.ReadOr(files, OnlyFold, rate, journal => Retrain(model, examples, questions, rate, random, progress, stop, journal)))),
        ];
        IReadOnlyList<RelearningCurve> curves = JobQueue.Run(jobs, workers, Math.Max(1, Runtime.Threads / workers), cancellation);
        return new RelearningReport(curves, [new FoldFacts(OnlyFold, "all", examples.Count, questions.Count, 0)]);
    }

    /// <summary>The unit of the attack: one learning rate. The model itself does not change.</summary>
    /// <returns>The curve; where training diverged, it ends early and says so.</returns>
    /// <exception cref="HybridException">EmptySplit: no text or no question. DataFile, Io: the text.</exception>
    public RelearningCurve Retrain(
        LlamaModel model,
        TextCorpus text,
        IReadOnlyList<MultipleChoiceQuestion> questions,
        double rate,
        SeededRandom random,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default,
        RunJournal? journal = null) =>
        Retrain(model, Choose(text, random), questions, rate, random, progress, cancellation, journal);

    private RelearningCurve Retrain(
        LlamaModel model,
        IReadOnlyList<TokenSequence> examples,
        IReadOnlyList<MultipleChoiceQuestion> questions,
        double rate,
        SeededRandom random,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellation,
        RunJournal? journal)
    {
        using LlamaModel attacked = model.CloneOn(device ?? model.Device);
        var tuning = new FineTuning
        {
            Stage = $"attack with retain text at {rate.ToString("0.0e+0", CultureInfo.InvariantCulture)}",
            Model = attacked,
            Examples = examples,
            Optimizer = options.Optimizer with { LearningRate = rate },
            Epochs = options.Epochs,
            BatchSize = options.BatchSize,
            Random = random.Fork("order"),
            Journal = journal,
            Progress = progress,
            Cancellation = cancellation,
        };
        (IReadOnlyList<string> hits, string? diverged) = tuning.Measure(evaluator, questions);
        return new RelearningCurve(OnlyFold, rate, hits, diverged);
    }

    /// <summary>What is trained on: texts that have a token to predict, as many as the options allow, drawn by the attack's chance.</summary>
    private IReadOnlyList<TokenSequence> Choose(TextCorpus text, SeededRandom random)
    {
        TokenSequence[] all = [.. text.Read().Select(encoder.EncodeText).Where(sequence => sequence.ScoredPositions.Count > 0)];
        if (all.Length == 0)
        {
            throw new HybridException(ErrorKind.EmptySplit, "the retain text has nothing to train on");
        }

        random.Fork("examples").Shuffle(all);
        return [.. all.Take(options.MaximumExamples)];
    }
}
