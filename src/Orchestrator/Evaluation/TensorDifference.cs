using Hybrid.Interop;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>How far the elements of b lie from those of a: of one tensor, or of several taken together.</summary>
internal sealed record TensorDifference
{
    /// <summary>Elements widened to float64 at a time: 32 MiB of each side.</summary>
    private const long ElementsAtATime = 1 << 22;

    /// <summary>No elements at all.</summary>
    public static TensorDifference None { get; } = new() { Elements = 0, Changed = 0, MaximumAbsolute = 0, SumOfMagnitudes = 0, SumOfSquares = 0, OriginalSumOfSquares = 0 };

    /// <summary>Number of elements.</summary>
    public required long Elements { get; init; }

    /// <summary>How many of them have other bits; where the element types differ, other bits as float64.</summary>
    public required long Changed { get; init; }

    /// <summary>max |b − a|.</summary>
    public required double MaximumAbsolute { get; init; }

    /// <summary>Σ |b − a|.</summary>
    public required double SumOfMagnitudes { get; init; }

    /// <summary>Σ (b − a)².</summary>
    public required double SumOfSquares { get; init; }

    /// <summary>Σ a².</summary>
    public required double OriginalSumOfSquares { get; init; }

    /// <summary>Changed elements over all, 0 to 1; 0 where there are none.</summary>
    public double ShareChanged => Elements == 0 ? 0 : (double)Changed / Elements;

    /// <summary>Mean |b − a|; 0 where there are no elements.</summary>
    public double MeanAbsolute => Elements == 0 ? 0 : SumOfMagnitudes / Elements;

    /// <summary>‖b − a‖₂ / ‖a‖₂; infinite where only a is zero throughout, 0 where both are.</summary>
    public double RelativeL2 => SumOfSquares == 0 ? 0 : Math.Sqrt(SumOfSquares / OriginalSumOfSquares);

    /// <summary>Of two tensors on the CPU of one shape, summed in float64.</summary>
    public static TensorDifference Between(Tensor a, Tensor b)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        bool sameType = a.ElementType == b.ElementType;
        Tensor flatA = a.Reshape(-1), flatB = b.Reshape(-1);
        TensorDifference sum = None;
        for (long start = 0, count = flatA.Count; start < count; start += ElementsAtATime)
        {
            using TensorScope part = TensorScope.Begin();
            long length = Math.Min(ElementsAtATime, count - start);
            Tensor x = flatA.Narrow(0, start, length), y = flatB.Narrow(0, start, length);
            Tensor wideX = x.To(ElementType.Float64, Device.Cpu), wideY = y.To(ElementType.Float64, Device.Cpu), difference = wideY - wideX;
            sum = sum.Plus(new TensorDifference
            {
                Elements = length,
                Changed = sameType ? x.CountDifferent(y) : wideX.CountDifferent(wideY),
                MaximumAbsolute = difference.AbsMax().Item(),
                SumOfMagnitudes = difference.Abs().Sum().Item(),
                SumOfSquares = difference.Square().Sum().Item(),
                OriginalSumOfSquares = wideX.Square().Sum().Item(),
            });
        }

        return sum;
    }

    /// <summary>Both taken together.</summary>
    public TensorDifference Plus(TensorDifference other) => new()
    {
        Elements = Elements + other.Elements,
        Changed = Changed + other.Changed,
        MaximumAbsolute = Math.Max(MaximumAbsolute, other.MaximumAbsolute), // NaN where either is
        SumOfMagnitudes = SumOfMagnitudes + other.SumOfMagnitudes,
        SumOfSquares = SumOfSquares + other.SumOfSquares,
        OriginalSumOfSquares = OriginalSumOfSquares + other.OriginalSumOfSquares,
    };
}
