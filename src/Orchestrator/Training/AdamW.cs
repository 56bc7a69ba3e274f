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

    /// <inheritdoc/>
    public void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients) =>
        OptimizerSteps.AdamW(
            parameters.At(positions), gradients, firstMoments.At(positions), secondMoments.At(positions), step, learningRate, Beta1, Beta2, Epsilon, weightDecay, masters?.At(positions));

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizers.Free(masters);
        Optimizers.Free(firstMoments);
        Optimizers.Free(secondMoments);
    }
}
