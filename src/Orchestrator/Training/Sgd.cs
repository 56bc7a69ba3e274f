using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Plain stochastic gradient descent.</summary>
public sealed class Sgd(IReadOnlyList<Tensor> parameters, double weightDecay) : IOptimizer
{
    /// <inheritdoc/>
    public void Step(IReadOnlyList<Tensor?> gradients, double learningRate) =>
        OptimizerSteps.Sgd(parameters, gradients, learningRate, weightDecay);

    /// <inheritdoc/>
    public void Dispose()
    {
        // It has no state.
    }
}
