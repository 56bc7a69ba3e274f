using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>Facts and settings of the native library in this process.</summary>
public static unsafe class Runtime
{
    /// <summary>
    /// Threads that one operation uses when it is called from this thread. A thread that has not set it, and not computed yet, begins with
    /// what was set last anywhere in the process.
    /// </summary>
    public static int Threads
    {
        get => NativeMethods.hyb_runtime_threads();
        set => NativeException.ThrowIfFailed(NativeMethods.hyb_runtime_set_threads(value));
    }

    /// <summary>LibTorch's version, what computes matrix products, the instruction set in use, and whether CUDA is there.</summary>
    public static string BuildInfo => Marshal.PtrToStringUTF8((nint)NativeMethods.hyb_build_info())!;

    /// <summary>CUDA devices that can be used; 0 in a CPU build.</summary>
    public static int CudaDevices => NativeMethods.hyb_runtime_cuda_devices();

    /// <summary>Native handles given out and not yet freed in this process: a leak ledger for tests.</summary>
    public static long LiveHandles => NativeMethods.hyb_live_handles();

    /// <summary>Selects the CPU kernels' instruction set: avx512_bf16, avx512, avx2, baseline or auto.</summary>
    /// <exception cref="NativeException">The name is unknown or the CPU lacks it.</exception>
    public static void SelectInstructionSet(string name)
    {
        fixed (byte* text = Utf8.ZeroTerminated(name))
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_runtime_set_isa(text));
        }
    }
}
