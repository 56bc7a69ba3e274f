using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>AdamW (Loshchilov and Hutter 2019).</summary>
internal sealed class AdamW(IReadOnlyList<Tensor> parameters, OptimizerOptions options, SeededRandom random) : IOptimizer
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.99;
    private const double Epsilon = 1e-8;
    private readonly RoundingNoise noise = new(random);
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters, options.Rounding);
    private readonly Tensor[] firstMoments = Optimizers.ZerosLike(parameters, options.Rounding);
    private readonly Tensor[] secondMoments = Optimizers.ZerosLike(parameters, options.Rounding);

    /// <inheritdoc/>
    public void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients) =>
        OptimizerSteps.AdamW(
            parameters.At(positions), gradients, firstMoments.At(positions), secondMoments.At(positions), step, learningRate, Beta1, Beta2, Epsilon, options.WeightDecay, masters?.At(positions), noise.For(step, positions));

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, IReadOnlyList<Tensor>>> State => Optimizers.StateOf(("masters", masters), ("first-moments", firstMoments), ("second-moments", secondMoments));

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizers.Free(masters);
        Optimizers.Free(firstMoments);
        Optimizers.Free(secondMoments);
    }
}
