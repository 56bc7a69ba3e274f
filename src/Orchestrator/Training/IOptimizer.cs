using Hybrid.Interop;

namespace Hybrid.Orchestrator.Training;

/// <summary>Moves a fixed list of parameters along their gradients, and owns the state it needs for that.</summary>
internal interface IOptimizer : IDisposable
{
    /// <summary>
    /// One step of some of the parameters. A step may be made in parts, as gradients become ready, each parameter in one of them at most; one that
    /// is in none stays as it is.
    /// </summary>
    /// <param name="step">Which step it is, counted from 1.</param>
    /// <param name="learningRate">Its rate.</param>
    /// <param name="positions">Places of the parameters in the optimizer's list.</param>
    /// <param name="gradients">Their gradients, in that order.</param>
    void Update(int step, double learningRate, IReadOnlyList<int> positions, IReadOnlyList<Tensor> gradients);

    /// <summary>The state that steps leave for later ones, by name; each list in the order of the parameters. Together with the parameters and the number of steps it is all that the next step depends on.</summary>
    IEnumerable<KeyValuePair<string, IReadOnlyList<Tensor>>> State { get; }
}

/// <summary>Makes optimizers.</summary>
internal static class Optimizers
{
    /// <summary>An optimizer with empty state for the parameters.</summary>
    /// <param name="options">Options.</param>
    /// <param name="parameters">What it moves.</param>
    /// <param name="random">Where stochastic rounding draws from; only forks of it are drawn from.</param>
    /// <exception cref="HybridException">UnsupportedModel: a parameter is float16, whose gradients underflow without a scaled loss.</exception>
    public static IOptimizer Create(OptimizerOptions options, IReadOnlyList<Tensor> parameters, SeededRandom random)
    {
        if (parameters.FirstOrDefault(p => p.ElementType is not (ElementType.Float32 or ElementType.Float64 or ElementType.BFloat16)) is { } other)
        {
            throw new HybridException(ErrorKind.UnsupportedModel, $"parameters of {other.ElementType} cannot be trained; load the model in bfloat16 or float32");
        }

        return options.Kind switch
        {
            OptimizerKind.Lion => new Lion(parameters, options, random),
            OptimizerKind.AdamW => new AdamW(parameters, options, random),
            OptimizerKind.Sgd => new Sgd(parameters, options, random),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Kind, "unknown optimizer"),
        };
    }

    /// <summary>Bytes of state for each parameter of a type.</summary>
    public static int StateBytes(OptimizerOptions options, ElementType type)
    {
        int moments = options.Kind switch { OptimizerKind.Lion => 1, OptimizerKind.AdamW => 2, _ => 0 };
        bool masters = type is ElementType.BFloat16 or ElementType.Float16 && options.Rounding == WeightRounding.MasterWeights;
        return masters ? (1 + moments) * sizeof(float) : moments * type.Size();
    }

    /// <summary>
    /// Float32 copies of 16-bit parameters, owned by the optimizer: at usual learning rates a step is smaller than the spacing of a 16-bit
    /// weight, and would be lost without them. Null where the parameters are wider, or rounded stochastically.
    /// </summary>
    internal static Tensor[]? MasterCopies(IReadOnlyList<Tensor> parameters, WeightRounding rounding)
    {
        using TensorScope outside = TensorScope.Outside();
        using GradMode off = GradMode.Off();
        return rounding == WeightRounding.MasterWeights && parameters.Any(IsNarrow) ? [.. parameters.Select(p => p.To(ElementType.Float32, p.Device))] : null;
    }

    /// <summary>Zeros shaped like the parameters, owned by the optimizer: of their type, or float32 beside float32 master copies.</summary>
    internal static Tensor[] ZerosLike(IReadOnlyList<Tensor> parameters, WeightRounding rounding)
    {
        using TensorScope outside = TensorScope.Outside();
        return [.. parameters.Select(p => Tensor.Zeros(p.Shape, rounding == WeightRounding.MasterWeights && IsNarrow(p) ? ElementType.Float32 : p.ElementType, p.Device))];
    }

    /// <summary>The lists that there are, by name.</summary>
    internal static IEnumerable<KeyValuePair<string, IReadOnlyList<Tensor>>> StateOf(params (string Name, Tensor[]? Tensors)[] lists) =>
        lists.Where(list => list.Tensors is not null).Select(list => KeyValuePair.Create<string, IReadOnlyList<Tensor>>(list.Name, list.Tensors!));

    /// <summary>The entries at these places.</summary>
    internal static Tensor[] At(this IReadOnlyList<Tensor> list, IReadOnlyList<int> positions) => [.. positions.Select(position => list[position])];

    /// <summary>Frees states.</summary>
    internal static void Free(IEnumerable<Tensor>? states)
    {
        foreach (Tensor state in states ?? [])
        {
            state.Dispose();
        }
    }

    private static bool IsNarrow(Tensor tensor) => tensor.ElementType is ElementType.BFloat16 or ElementType.Float16;
}
