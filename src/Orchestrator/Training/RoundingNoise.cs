namespace Hybrid.Orchestrator.Training;

/// <summary>Names the random numbers that stochastic rounding draws for a parameter in a step: all different, and the same whenever the step is made again.</summary>
internal sealed class RoundingNoise(SeededRandom random)
{
    /// <summary>Numbers for parameters at these positions.</summary>
    public ulong[] For(int step, IReadOnlyList<int> positions)
    {
        SeededRandom own = random.Fork(FormattableString.Invariant($"step {step}"));
        return [.. positions.Select(position => own.Fork(FormattableString.Invariant($"parameter {position}")).Seed)];
    }
}
