using System.Reflection;
using System.Runtime.InteropServices;

namespace Hybrid.TestSupport;

/// <summary>
/// A tensor of another library in this process, which uses LibTorch as TorchSharp does and knows nothing of ours
/// (native/tests/foreign/foreign_tensors.cpp). Owns its at::Tensor until it is disposed.
/// </summary>
public sealed class ForeignTensor : IDisposable
{
    private const string Library = "foreign_tensors";

    static ForeignTensor() => NativeLibrary.SetDllImportResolver(typeof(ForeignTensor).Assembly, Resolve);

    private ForeignTensor(nint pointer, int count)
    {
        Pointer = pointer;
        Count = count;
    }

    /// <summary>The at::Tensor*, as TorchSharp's Handle; 0 once it is disposed.</summary>
    public nint Pointer { get; private set; }

    /// <summary>Elements.</summary>
    public int Count { get; }

    /// <summary>Objects that hold LibTorch's tensor, this one included.</summary>
    public long UseCount => foreign_use_count(Pointer);

    /// <summary>Address of the first element.</summary>
    public ulong Address => foreign_address(Pointer);

    /// <summary>Whether it records gradients.</summary>
    public bool RequiresGrad => foreign_requires_grad(Pointer) != 0;

    /// <summary>A library that has the name of LibTorch and nothing inside.</summary>
    public static string SecondLibTorch => InBuild("second/libtorch_cpu.so");

    /// <summary>LibTorch's count for the calling thread, asked for and set as a host does that does not use our library.</summary>
    public static int Threads
    {
        get => foreign_threads();
        set => foreign_set_threads(value);
    }

    /// <summary>Threads that a large operation of the calling thread is split over.</summary>
    public static int ThreadsAtWork => foreign_threads_at_work();

    /// <summary>A leaf in float64 with these elements, row-major.</summary>
    public static ForeignTensor Make(double[] values, long[] shape, bool requiresGrad = false)
    {
        const sbyte Float64 = 7; // LibTorch's number
        return new(foreign_new(values, shape, shape.Length, Float64, requiresGrad ? 1 : 0), values.Length);
    }

    /// <summary>Takes over an at::Tensor with float64 elements, as TorchSharp's UnsafeCreateTensor does.</summary>
    public static ForeignTensor Own(nint pointer, int count) => new(pointer, count);

    /// <summary>A tensor that is none.</summary>
    public static ForeignTensor Undefined() => new(foreign_undefined(), 0);

    /// <summary>A view that records nothing, on the storage that the tensor has now.</summary>
    public ForeignTensor Detach() => new(foreign_detach(Pointer), Count);

    /// <summary>The elements, row-major.</summary>
    public double[] Read()
    {
        double[] values = new double[Count];
        foreign_read(Pointer, values);
        return values;
    }

    /// <summary>Makes all elements one value.</summary>
    public void Fill(double value) => foreign_fill(Pointer, value);

    /// <summary>Ends the at::Tensor. May be called twice.</summary>
    public void Dispose()
    {
        foreign_dispose(Pointer); // null is allowed
        Pointer = 0;
    }

    /// <summary>What was built with the libhybrid.so in use, a sanitizer's perhaps: lib/ and build/ lie side by side.</summary>
    private static string InBuild(string name)
    {
        string library = Environment.GetEnvironmentVariable("HYBRID_LIBRARY") is { Length: > 0 } named ? named : RepositoryFolder.PathOf("artifacts/native/lib/libhybrid.so");
        return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(library)!, "..", "build", "tests", name));
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Library)
        {
            return 0;
        }

        string path = InBuild($"lib{Library}.so");
        return File.Exists(path) ? NativeLibrary.Load(path) : throw new DllNotFoundException($"{path}: not there; ./build.sh test builds it with the native tests");
    }

    [DllImport(Library)]
    private static extern nint foreign_new(double[] values, long[] sizes, int dimensions, sbyte type, int requiresGrad);

    [DllImport(Library)]
    private static extern void foreign_dispose(nint tensor);

    [DllImport(Library)]
    private static extern nint foreign_undefined();

    [DllImport(Library)]
    private static extern nint foreign_detach(nint tensor);

    [DllImport(Library)]
    private static extern void foreign_read(nint tensor, [Out] double[] values);

    [DllImport(Library)]
    private static extern void foreign_fill(nint tensor, double value);

    [DllImport(Library)]
    private static extern long foreign_use_count(nint tensor);

    [DllImport(Library)]
    private static extern ulong foreign_address(nint tensor);

    [DllImport(Library)]
    private static extern int foreign_requires_grad(nint tensor);

    [DllImport(Library)]
    private static extern void foreign_set_threads(int threads);

    [DllImport(Library)]
    private static extern int foreign_threads();

    [DllImport(Library)]
    private static extern int foreign_threads_at_work();
}
