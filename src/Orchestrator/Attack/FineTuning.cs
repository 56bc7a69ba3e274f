using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Attack;

/// <summary>What the attacks by training share: ordinary fine-tuning of every parameter on the mean NLL of some sequences.</summary>
internal sealed record FineTuning
{
    /// <summary>Name for progress and errors.</summary>
    public required string Stage { get; init; }

    /// <summary>The attacker's copy, changed in place.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>What is trained on.</summary>
    public required IReadOnlyList<TokenSequence> Examples { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Passes over the examples.</summary>
    public required int Epochs { get; init; }

    /// <summary>Examples a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Where the order comes from.</summary>
    public required SeededRandom Random { get; init; }

    /// <summary>What it survives its process by; null for nothing.</summary>
    public RunJournal? Journal { get; init; }

    /// <summary>Told of every step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Stops between two steps.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Problems of the rates to try and of the optimizer that each of them is put into, one line each.</summary>
    public static IEnumerable<string> RateProblems(IReadOnlyList<double> learningRates, OptimizerOptions optimizer)
    {
        foreach (double rate in learningRates.Where(rate => !(rate > 0)))
        {
            yield return Invariant($"learning rate {rate} must be positive");
        }

        if (learningRates.Distinct().Count() < learningRates.Count)
        {
            yield return "a learning rate stands twice";
        }

        foreach (string problem in (optimizer with { LearningRate = 1 }).Validate())
        {
            yield return problem;
        }
    }

    /// <summary>Trains; <paramref name="afterEpoch"/> is called after each pass.</summary>
    /// <exception cref="HybridException">Diverged.</exception>
    public void Run(Action? afterEpoch = null)
    {
        Model.SetTrainable(Model.Names);
        var loop = new EpochLoop
        {
            Stage = Stage,
            Model = Model,
            Optimizer = Optimizer,
            Epochs = Epochs,
            Examples = Examples.Count,
            BatchSize = BatchSize,
            Random = Random,
            KeepsLastGood = false,
            Journal = Journal,
            Progress = Progress,
            Cancellation = Cancellation,
        };
        loop.Run(Loss, _ =>
        {
            afterEpoch?.Invoke();
            return true;
        });

        ForgetRetainLoss Loss(TrainingBatch batch) => new(Losses.MeanNll(Model, new PackedBatch([.. batch.Examples.Select(i => Examples[i])])), null, null);
    }

    /// <summary>
    /// Trains, and asks the questions before the first pass and after each. Training that diverges ends the list of hits early: it is the
    /// attacker who fails then, and nothing of the program.
    /// </summary>
    /// <returns>Hits before, then after each pass that left the model sound; why it ended early, or null.</returns>
    /// <exception cref="HybridException">Diverged: the model answers with no numbers before any training.</exception>
    public (IReadOnlyList<string> Hits, string? Diverged) Measure(McqEvaluator evaluator, IReadOnlyList<MultipleChoiceQuestion> questions)
    {
        var hits = new List<string>();
        Ask();
        try
        {
            Run(Ask);
            return (hits, null);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            // Training names its stage, asking does not.
            return (hits, error.Message.StartsWith(Stage, StringComparison.Ordinal) ? error.Message : $"{Stage}: {error.Message}");
        }

        void Ask() => hits.Add(RunJournal.Once(Journal, $"hits after pass {hits.Count}", null, _ => HitString.Of(evaluator.Evaluate(Model, questions, Cancellation))));
    }
}
