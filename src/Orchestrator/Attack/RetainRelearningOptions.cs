using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Attack;

/// <summary>Options of the attack by training on retain text.</summary>
public sealed record RetainRelearningOptions
{
    /// <summary>Learning rates to try; the attacker keeps the best.</summary>
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>Passes over the text.</summary>
    public required int Epochs { get; init; }

    /// <summary>Texts a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Texts used at most; of more, so many are drawn.</summary>
    public required int MaximumExamples { get; init; }

    /// <summary>The optimizer; its learning rate is replaced by each of <see cref="LearningRates"/>.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>What one rate takes: a model that is trained on the text, beside the one that it is a copy of.</summary>
    internal StageMemory Memory(MemoryPlanner planner, ExampleEncoder encoder, TextCorpus text) => planner.TrainWhole(
        "attack", Optimizer, BatchShape.Largest([.. text.Read().Select(encoder.EncodeText)], Math.Min(BatchSize, MaximumExamples)), secondModel: true, keepsLastGood: false);

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (LearningRates.Count == 0)
        {
            yield return "at least one learning rate is needed";
        }

        if (Epochs < 1 || BatchSize < 1 || MaximumExamples < 1)
        {
            yield return Invariant($"epochs {Epochs}, batch size {BatchSize} and maximum examples {MaximumExamples} must be at least 1");
        }

        foreach (string problem in FineTuning.RateProblems(LearningRates, Optimizer))
        {
            yield return problem;
        }
    }
}

/// <summary>Named settings of the attack by training on retain text: RTT's, so that the two differ in what is trained on alone.</summary>
public static class RetainRelearningPresets
{
    /// <summary>About as many examples as T of the birthdays and of the years has.</summary>
    private const int MaximumExamples = 512;

    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names => RelearningPresets.Names;

    /// <summary>A preset's settings.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static RetainRelearningOptions Find(string name, string dataset)
    {
        RelearningOptions rtt = RelearningPresets.Find(name, dataset);
        return new RetainRelearningOptions
        {
            LearningRates = rtt.LearningRates,
            Epochs = rtt.Epochs,
            BatchSize = rtt.BatchSize,
            MaximumExamples = MaximumExamples,
            Optimizer = rtt.Optimizer,
        };
    }
}
