using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>Why a native call failed. The values are those of native/include/hybrid/base.h.</summary>
public enum NativeStatus
{
    /// <summary>A shape, or a combination of arguments, that has no meaning.</summary>
    InvalidArgument = NativeMethods.HYB_INVALID_ARGUMENT,

    /// <summary>An index, id or length outside its bounds.</summary>
    OutOfRange = NativeMethods.HYB_OUT_OF_RANGE,

    /// <summary>Element types or devices that do not belong together.</summary>
    TypeMismatch = NativeMethods.HYB_TYPE_MISMATCH,

    /// <summary>A combination that is not implemented.</summary>
    NotImplemented = NativeMethods.HYB_NOT_IMPLEMENTED,

    /// <summary>Host or device memory is exhausted.</summary>
    OutOfMemory = NativeMethods.HYB_OUT_OF_MEMORY,

    /// <summary>The operating system refused a read or a write.</summary>
    Io = NativeMethods.HYB_IO,

    /// <summary>A file does not say what its format demands.</summary>
    BadFormat = NativeMethods.HYB_BAD_FORMAT,

    /// <summary>A buffer has another size than the data.</summary>
    BufferTooSmall = NativeMethods.HYB_BUFFER_TOO_SMALL,

    /// <summary>The device asked for is absent or failed.</summary>
    Device = NativeMethods.HYB_DEVICE,

    /// <summary>A defect of the native library.</summary>
    Internal = NativeMethods.HYB_INTERNAL,

    /// <summary>The library and this assembly were built from different headers. Raised on this side of the boundary only.</summary>
    AbiMismatch = -100,
}

/// <summary>A native call failed: the operation, its operands' shapes and the cause stand in the message.</summary>
public sealed class NativeException(NativeStatus status, string message) : Exception(message)
{
    /// <summary>The category of the failure.</summary>
    public NativeStatus Status { get; } = status;

    /// <summary>The message without the name of the native operation, which says nothing to who uses the command line.</summary>
    public string Cause { get; private init; } = message;

    /// <summary>Throws unless <paramref name="status"/> is success.</summary>
    internal static unsafe void ThrowIfFailed(int status)
    {
        if (status != NativeMethods.HYB_OK)
        {
            string text = Marshal.PtrToStringUTF8((nint)NativeMethods.hyb_last_error())!;
            throw new NativeException((NativeStatus)status, text) { Cause = text[(text.IndexOf(": ", StringComparison.Ordinal) + 2)..] };
        }
    }
}
