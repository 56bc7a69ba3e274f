using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>Facts and settings of the native library in this process.</summary>
public static unsafe class Runtime
{
    /// <summary>
    /// Threads that one operation uses when it is called from this thread, at least 1. Setting it concerns no other thread: each that has
    /// not set it begins with LibTorch's default for the process, which is the host's to choose.
    /// </summary>
    /// <exception cref="NativeException">InvalidArgument: less than 1.</exception>
    public static int Threads
    {
        get => NativeMethods.hyb_runtime_threads();
        set => NativeException.ThrowIfFailed(NativeMethods.hyb_runtime_set_threads(value));
    }

    /// <summary>
    /// Names the LibTorch to load: the folder of an unpacked LibTorch or PyTorch package, a prefix such as /usr, or the libraries' own folder. It is then
    /// looked for there and nowhere else, whatever the environment's LIBTORCH says.
    /// </summary>
    /// <exception cref="InvalidOperationException">libhybrid is loaded already: something of this library has been used before.</exception>
    public static void UseLibTorch(string folder) => NativeLoader.UseLibTorch(folder);

    /// <summary>LibTorch's version, what computes matrix products, the instruction set in use, and whether CUDA is there.</summary>
    public static string BuildInfo => Marshal.PtrToStringUTF8((nint)NativeMethods.hyb_build_info())!;

    /// <summary>
    /// Paths of the LibTorch libraries (libtorch_cpu) that the process has loaded. More than one means that tensors cannot be shared with
    /// what uses the other.
    /// </summary>
    public static IReadOnlyList<string> LibTorchPaths => Marshal.PtrToStringUTF8((nint)NativeMethods.hyb_runtime_libtorch())!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>CUDA devices that can be used; 0 in a CPU build.</summary>
    public static int CudaDevices => NativeMethods.hyb_runtime_cuda_devices();

    /// <summary>
    /// Bytes of a device that can still be allocated, and that it has. On a CUDA device, what LibTorch keeps reserved without using it is
    /// free; on the CPU both are within the limits of the control groups that the process is in.
    /// </summary>
    /// <exception cref="NativeException">The device is absent, or the library was built without CUDA.</exception>
    public static (long Free, long Total) Memory(Device device)
    {
        long free, total;
        NativeException.ThrowIfFailed(NativeMethods.hyb_runtime_memory(device.Code, &free, &total));
        return (free, total);
    }

    /// <summary>Native handles given out and not yet freed in this process: a leak ledger for tests.</summary>
    public static long LiveHandles => NativeMethods.hyb_live_handles();

    /// <summary>Selects the CPU kernels' instruction set for the whole process: avx512_bf16, avx512, avx2, baseline or auto.</summary>
    /// <exception cref="NativeException">The name is unknown or the CPU lacks it.</exception>
    public static void SelectInstructionSet(string name)
    {
        fixed (byte* text = Utf8.ZeroTerminated(name))
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_runtime_set_isa(text));
        }
    }
}
