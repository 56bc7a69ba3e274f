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

/// <summary>Checks of single numbers that several methods' options share: no problem, or one line that names the number.</summary>
internal static class OptionProblems
{
    /// <summary>A weight or size that may be 0.</summary>
    public static IEnumerable<string> Negative(string name, double value) => value >= 0 ? [] : [$"{name} {value} must not be negative"];

    /// <summary>A number that is divided by, or without which nothing happens.</summary>
    public static IEnumerable<string> NotPositive(string name, double value) => value > 0 && double.IsFinite(value) ? [] : [$"{name} {value} must be positive"];
}
