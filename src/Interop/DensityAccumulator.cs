namespace Hybrid.Interop;

/// <summary>
/// Collects the per-example, per-layer L1 norm of the weights' gradients inside one backward pass (KUnBR, equations 2 and 3). No gradient
/// of a parameter's size is made.
/// </summary>
public sealed unsafe class DensityAccumulator : IDisposable
{
    private readonly int examples;
    private readonly int layers;

    /// <summary>For one packed batch: example b owns rows offsets[b] … offsets[b+1]−1.</summary>
    public DensityAccumulator(ReadOnlySpan<long> offsets, int layers)
    {
        hyb_density* pointer;
        fixed (long* bounds = offsets)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_density_new(bounds, offsets.Length - 1, layers, &pointer));
        }

        Handle = new DensityHandle(pointer);
        examples = offsets.Length - 1;
        this.layers = layers;
    }

    internal DensityHandle Handle { get; }

    /// <summary>The sums so far, [example, layer].</summary>
    public double[,] Values()
    {
        double[,] values = new double[examples, layers];
        using var self = new Borrowed(Handle);
        fixed (double* buffer = values)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_density_values(self.Density, buffer, values.LongLength));
        }

        return values;
    }

    /// <summary>Frees the handle; a graph that still uses the sums keeps them.</summary>
    public void Dispose() => Handle.Dispose();
}
