using System.Reflection;
using System.Runtime.InteropServices;

namespace Hybrid.Benchmarks.Interop;

/// <summary>The two libraries that native/bench makes: what the crossing is compared with, and what counts crossings.</summary>
internal static class NativeLibraries
{
    /// <summary>Where ./build.sh bench leaves them.</summary>
    private const string Folder = "artifacts/native/build/bench";

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>A stand-in for libhybrid.so that counts the calls it passes on.</summary>
    public static string Counter => PathOf("count_calls");

    /// <summary>Sums two tensors again and again by LibTorch's at::add, called from C++.</summary>
    public static void Add(Hybrid.Interop.Tensor a, Hybrid.Interop.Tensor b, long times) => peer_add(a.AtTensorHandle, b.AtTensorHandle, times);

    /// <summary>Calls of each native function since the process began, where it runs with the counter.</summary>
    public static Dictionary<string, ulong> Calls() =>
        Enumerable.Range(0, counted_functions()).ToDictionary(index => Marshal.PtrToStringUTF8(counted_name(index))!, counted_calls);

    private static string PathOf(string name)
    {
        string path = Path.GetFullPath(Path.Combine(Folder, $"lib{name}.so"));
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path}: not there; ./build.sh bench builds it, and runs from the repository's root");
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => NativeLibrary.Load(PathOf(name));

    [DllImport("interop_peer")]
    private static extern void peer_add(nint a, nint b, long times);

    [DllImport("count_calls")]
    private static extern int counted_functions();

    [DllImport("count_calls")]
    private static extern nint counted_name(int index);

    [DllImport("count_calls")]
    private static extern ulong counted_calls(int index);
}
