using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Plain stochastic gradient descent.</summary>
public sealed class Sgd(IReadOnlyList<Tensor> parameters, double weightDecay) : IOptimizer
{
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters);

    /// <inheritdoc/>
    public void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients) =>
        OptimizerSteps.Sgd(parameters.At(positions), gradients, learningRate, weightDecay, masters?.At(positions));

    /// <inheritdoc/>
    public void Dispose() => Optimizers.Free(masters);
}
