using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>What every method that trains in one stage is told of its passes. Their option records hold the three, side by side with their own.</summary>
/// <param name="Epochs">Passes over the forget set.</param>
/// <param name="BatchSize">Forget examples a step.</param>
/// <param name="Optimizer">How parameters move.</param>
internal readonly record struct PassOptions(int Epochs, int BatchSize, OptimizerOptions Optimizer)
{
    /// <summary>Optimizer steps of all passes over so many examples.</summary>
    public int CountSteps(int examples) => Epochs * BatchSampler.StepsPerEpoch(examples, BatchSize);

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate() => Epochs < 1 || BatchSize < 1
        ? [$"epochs {Epochs} and batch size {BatchSize} must be at least 1", .. Optimizer.Validate()]
        : Optimizer.Validate();
}
