using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Plain stochastic gradient descent.</summary>
internal sealed class Sgd(IReadOnlyList<Tensor> parameters, OptimizerOptions options, SeededRandom random) : IOptimizer
{
    private readonly RoundingNoise noise = new(random);
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters, options.Rounding);

    /// <inheritdoc/>
    public void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients) =>
        OptimizerSteps.Sgd(parameters.At(positions), gradients, learningRate, options.WeightDecay, masters?.At(positions), noise.For(step, positions));

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, IReadOnlyList<Tensor>>> State => Optimizers.StateOf(("masters", masters));

    /// <inheritdoc/>
    public void Dispose() => Optimizers.Free(masters);
}
