using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>What every method that trains in one stage is told of its passes. Their option records hold the three, side by side with their own.</summary>
/// <param name="Epochs">Passes over the forget set.</param>
/// <param name="BatchSize">Forget examples a step.</param>
/// <param name="Optimizer">How parameters move.</param>
public readonly record struct PassOptions(int Epochs, int BatchSize, OptimizerOptions Optimizer)
{
    /// <summary>Optimizer steps of all passes over so many examples.</summary>
    public int CountSteps(int examples) => Epochs * BatchSampler.StepsPerEpoch(examples, BatchSize);

    /// <summary>The largest batch that can meet: forget examples, and as many retain examples, if any.</summary>
    public BatchShape LargestBatch(IReadOnlyList<TokenSequence> forget, IReadOnlyList<TokenSequence> retain) =>
        BatchShape.Largest(forget, BatchSize) + BatchShape.Largest(retain, BatchSize);

    /// <summary>The only stage of a method that trains all parameters.</summary>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, BatchShape batch) => [planner.TrainWhole("unlearn", Optimizer, batch, secondModel: false)];

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate() => Epochs < 1 || BatchSize < 1
        ? [Invariant($"epochs {Epochs} and batch size {BatchSize} must be at least 1"), .. Optimizer.Validate()]
        : Optimizer.Validate();
}
