using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;
using static System.FormattableString;

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

    /// <summary>What the dearest job takes: a model that is retrained on T, beside the one that it is a copy of.</summary>
    internal StageMemory Memory(MemoryPlanner planner, ExampleEncoder encoder, IEnumerable<RelearningFold> folds)
    {
        BatchShape[] largest = [.. folds.Select(fold => BatchShape.Largest([.. fold.Train.Select(question => encoder.Encode(question, Form))], BatchSize))];
        return planner.TrainWhole("attack", Optimizer, largest.MaxBy(batch => batch.Tokens), secondModel: true, keepsLastGood: false);
    }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Folds.Count == 0 || LearningRates.Count == 0)
        {
            yield return "at least one fold and one learning rate are needed";
        }

        if (Epochs < 1 || BatchSize < 1)
        {
            yield return Invariant($"epochs {Epochs} and batch size {BatchSize} must be at least 1");
        }

        foreach (string problem in FineTuning.RateProblems(LearningRates, Optimizer))
        {
            yield return problem;
        }
    }
}
