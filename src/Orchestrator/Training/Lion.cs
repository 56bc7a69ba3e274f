using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Lion (Chen et al. 2023): every weight moves by the learning rate in the direction of a sign.</summary>
internal sealed class Lion(IReadOnlyList<Tensor> parameters, OptimizerOptions options, SeededRandom random) : IOptimizer
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.99;
    private readonly RoundingNoise noise = new(random);
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters, options.Rounding);
    private readonly Tensor[] momenta = Optimizers.ZerosLike(parameters, options.Rounding);

    /// <inheritdoc/>
    public void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients) =>
        OptimizerSteps.Lion(parameters.At(positions), gradients, momenta.At(positions), learningRate, Beta1, Beta2, options.WeightDecay, masters?.At(positions), noise.For(step, positions));

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, IReadOnlyList<Tensor>>> State => Optimizers.StateOf(("masters", masters), ("momenta", momenta));

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizers.Free(masters);
        Optimizers.Free(momenta);
    }
}
