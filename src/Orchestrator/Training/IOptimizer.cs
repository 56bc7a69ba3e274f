using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Moves a fixed list of parameters along their gradients, and owns the state it needs for that.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>One step; gradients stand in the parameters' order, null where there is none.</summary>
    void Step(IReadOnlyList<Tensor?> gradients, double learningRate);
}

/// <summary>Makes optimizers.</summary>
public static class Optimizers
{
    /// <summary>An optimizer with empty state for the parameters.</summary>
    /// <exception cref="HybridException">UnsupportedModel: a parameter is neither float32 nor float64; at usual learning rates a 16-bit weight would not move.</exception>
    public static IOptimizer Create(OptimizerOptions options, IReadOnlyList<Tensor> parameters)
    {
        if (parameters.FirstOrDefault(p => p.ElementType is not (ElementType.Float32 or ElementType.Float64)) is { } narrow)
        {
            throw new HybridException(ErrorKind.UnsupportedModel, $"parameters of {narrow.ElementType} cannot be trained: master copies are not implemented; load the model in float32");
        }

        return options.Kind switch
        {
            OptimizerKind.Lion => new Lion(parameters, options.WeightDecay),
            OptimizerKind.AdamW => new AdamW(parameters, options.WeightDecay),
            OptimizerKind.Sgd => new Sgd(parameters, options.WeightDecay),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Kind, "unknown optimizer"),
        };
    }

    /// <summary>Zeros shaped like the parameters, owned by the optimizer.</summary>
    internal static Tensor[] ZerosLike(IReadOnlyList<Tensor> parameters)
    {
        using TensorScope outside = TensorScope.Outside();
        return [.. parameters.Select(p => Tensor.Zeros(p.Shape, p.ElementType, p.Device))];
    }

    /// <summary>Frees states.</summary>
    internal static void Free(IEnumerable<Tensor> states)
    {
        foreach (Tensor state in states)
        {
            state.Dispose();
        }
    }
}
