using System.Runtime.InteropServices;

namespace Hybrid.Interop;

/// <summary>Owns a hyb_tensor.</summary>
internal sealed unsafe class TensorHandle : SafeHandle
{
    public TensorHandle(hyb_tensor* pointer)
        : base(0, ownsHandle: true) => SetHandle((nint)pointer);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.hyb_tensor_free((hyb_tensor*)handle);
        return true;
    }
}

/// <summary>Owns a hyb_density.</summary>
internal sealed unsafe class DensityHandle : SafeHandle
{
    public DensityHandle(hyb_density* pointer)
        : base(0, ownsHandle: true) => SetHandle((nint)pointer);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.hyb_density_free((hyb_density*)handle);
        return true;
    }
}

/// <summary>Owns a hyb_safetensors.</summary>
internal sealed unsafe class SafetensorsHandle : SafeHandle
{
    public SafetensorsHandle(hyb_safetensors* pointer)
        : base(0, ownsHandle: true) => SetHandle((nint)pointer);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.hyb_safetensors_free((hyb_safetensors*)handle);
        return true;
    }
}

/// <summary>Owns a hyb_memory_meter.</summary>
internal sealed unsafe class MemoryMeterHandle : SafeHandle
{
    public MemoryMeterHandle(hyb_memory_meter* pointer)
        : base(0, ownsHandle: true) => SetHandle((nint)pointer);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.hyb_memory_meter_free((hyb_memory_meter*)handle);
        return true;
    }
}

/// <summary>A handle held for the length of one native call, so that disposing it elsewhere meanwhile frees nothing too early.</summary>
internal readonly unsafe ref struct Borrowed
{
    private readonly SafeHandle? handle;

    public Borrowed(SafeHandle? handle)
    {
        if (handle is null)
        {
            return;
        }

        bool added = false;
        handle.DangerousAddRef(ref added);
        this.handle = handle;
    }

    public hyb_tensor* Tensor => (hyb_tensor*)Pointer;

    public hyb_density* Density => (hyb_density*)Pointer;

    public hyb_safetensors* Safetensors => (hyb_safetensors*)Pointer;

    public hyb_memory_meter* MemoryMeter => (hyb_memory_meter*)Pointer;

    private nint Pointer => handle?.DangerousGetHandle() ?? 0;

    public void Dispose() => handle?.DangerousRelease();
}

/// <summary>A list of tensors held for the length of one native call; a null stands for no tensor.</summary>
internal readonly unsafe ref struct BorrowedList
{
    private readonly TensorHandle?[] handles; // what was borrowed: the caller's list may answer differently a second time
    private readonly nint[] pointers;

    public BorrowedList(IReadOnlyList<Tensor?> tensors)
    {
        handles = new TensorHandle?[tensors.Count];
        pointers = new nint[handles.Length];
        try
        {
            for (int i = 0; i < handles.Length; i++)
            {
                if (tensors[i]?.Handle is { } handle)
                {
                    bool added = false;
                    handle.DangerousAddRef(ref added);
                    handles[i] = handle;
                    pointers[i] = handle.DangerousGetHandle();
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Count => pointers.Length;

    /// <summary>For a fixed statement: pins the pointers.</summary>
    public ref nint GetPinnableReference() => ref MemoryMarshal.GetArrayDataReference(pointers);

    public void Dispose()
    {
        foreach (TensorHandle? handle in handles)
        {
            handle?.DangerousRelease();
        }
    }
}
