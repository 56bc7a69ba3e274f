using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Plain stochastic gradient descent.</summary>
public sealed class Sgd(IReadOnlyList<Tensor> parameters, double weightDecay) : IOptimizer
{
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters);

    /// <inheritdoc/>
    public void Step(IReadOnlyList<Tensor?> gradients, double learningRate) =>
        OptimizerSteps.Sgd(parameters, gradients, learningRate, weightDecay, masters);

    /// <inheritdoc/>
    public void Dispose() => Optimizers.Free(masters);
}
