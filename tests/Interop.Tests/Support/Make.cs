namespace Hybrid.Interop.Tests.Support;

/// <summary>Tensors for tests, on the CPU.</summary>
internal static class Make
{
    /// <summary>float64 of the given shape.</summary>
    public static Tensor Doubles(long[] shape, params ReadOnlySpan<double> values) => Tensor.From(values, shape, Device.Cpu);

    /// <summary>float32 of the given shape.</summary>
    public static Tensor Floats(long[] shape, params ReadOnlySpan<float> values) => Tensor.From(values, shape, Device.Cpu);

    /// <summary>float64, uniform in [-1, 1).</summary>
    public static Tensor Random(int seed, params long[] shape) => Doubles(shape, Numbers(seed, shape.Aggregate(1L, (product, size) => product * size)));

    /// <summary>The same, as a leaf that requires gradients, in any floating type.</summary>
    public static Tensor Parameter(int seed, ElementType type, params long[] shape)
    {
        Tensor parameter = Random(seed, shape).To(type, Device.Cpu);
        parameter.RequiresGrad = true;
        return parameter;
    }

    /// <summary>Uniform in [-1, 1).</summary>
    public static double[] Numbers(int seed, long count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, (int)count).Select(_ => (2 * random.NextDouble()) - 1)];
    }
}
