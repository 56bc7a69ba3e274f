using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>AdamW (Loshchilov and Hutter 2019).</summary>
public sealed class AdamW(IReadOnlyList<Tensor> parameters, double weightDecay) : IOptimizer
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.99;
    private const double Epsilon = 1e-8;
    private readonly Tensor[]? masters = Optimizers.MasterCopies(parameters);
    private readonly Tensor[] firstMoments = Optimizers.ZerosLike(parameters);
    private readonly Tensor[] secondMoments = Optimizers.ZerosLike(parameters);
    private long step;

    /// <inheritdoc/>
    public void Step(IReadOnlyList<Tensor?> gradients, double learningRate) =>
        OptimizerSteps.AdamW(parameters, gradients, firstMoments, secondMoments, ++step, learningRate, Beta1, Beta2, Epsilon, weightDecay, masters);

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizers.Free(masters);
        Optimizers.Free(firstMoments);
        Optimizers.Free(secondMoments);
    }
}
