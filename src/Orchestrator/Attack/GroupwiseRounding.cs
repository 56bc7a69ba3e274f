using Hybrid.Interop;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// Symmetric round-to-nearest quantization of a weight [out,in], in groups of neighbours along the input dimension: within a group
/// w' = s · round(w / s) with s = max |w| / (2^(bits − 1) − 1), so that a group has at most 2^bits − 1 different values.
/// </summary>
internal static class GroupwiseRounding
{
    /// <summary>The largest divisor of the input dimension that is at most as large as the group size wished for, so that groups are of one size.</summary>
    public static int GroupSizeFor(long inputs, int wished)
    {
        int size = (int)Math.Min(inputs, wished);
        while (inputs % size != 0)
        {
            size--;
        }

        return size;
    }

    /// <summary>Rounds the values of a row-major matrix, whose row length is a multiple of the group size, in place. Half-way cases go to the even number.</summary>
    public static void Round(Span<float> values, int bits, int groupSize)
    {
        double levels = (1 << (bits - 1)) - 1;
        for (int start = 0; start < values.Length; start += groupSize)
        {
            Span<float> group = values.Slice(start, groupSize);
            double largest = 0;
            foreach (float value in group)
            {
                largest = Math.Max(largest, Math.Abs(value)); // a NaN stays, and shows in the model's answers
            }

            if (largest == 0)
            {
                continue;
            }

            // s itself is never made: rounded, it would move the group's largest value, and rounding twice would not be rounding once.
            for (int i = 0; i < group.Length; i++)
            {
                group[i] = (float)(largest * Math.Round(group[i] * levels / largest) / levels);
            }
        }
    }

    /// <summary>Rounds a weight [out,in] of any floating type in place; the values are worked out in float32 on the host and stored in the weight's type.</summary>
    public static void Round(Tensor weight, int bits, int groupSize)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        long[] shape = weight.Shape;
        float[] values = weight.To(ElementType.Float32, Device.Cpu).ToArray<float>();
        Round(values, bits, GroupSizeFor(shape[1], groupSize));
        weight.CopyFrom(Tensor.From<float>(values, shape, Device.Cpu));
    }
}
