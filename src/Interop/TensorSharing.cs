namespace Hybrid.Interop;

/// <summary>
/// Tensors shared with other libraries in the process, TorchSharp above all (docs/torchsharp.md). A native handle here is a pointer to an
/// at::Tensor on the heap, and so is TorchSharp's <c>Tensor.Handle</c>. Both sides must use one and the same LibTorch.
/// </summary>
public sealed unsafe partial class Tensor
{
    /// <summary>
    /// Pointer to this object's at::Tensor, lent: valid while this tensor lives, and never to be freed by who gets it. Who keeps it longer
    /// copies the at::Tensor, or asks for <see cref="ToAtTensor"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The tensor is disposed.</exception>
    public nint AtTensorHandle
    {
        get
        {
            ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
            return Handle.DangerousGetHandle();
        }
    }

    /// <summary>
    /// A tensor of another library, shared: same elements, same autograd state, same object inside LibTorch. The pointer stays its owner's,
    /// who may free it at once or later. Whether it records gradients is left as found.
    /// </summary>
    /// <param name="atTensor">A pointer to an at::Tensor, such as TorchSharp's <c>Tensor.Handle</c>. Anything else crashes.</param>
    /// <exception cref="NativeException">
    /// InvalidArgument: null, an undefined tensor, one made in inference mode, or two LibTorches in the process. NotImplemented: an element
    /// type, device or layout that is not known here, or more than 8 dimensions.
    /// </exception>
    public static Tensor FromAtTensor(nint atTensor)
    {
        hyb_tensor* result;
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_from_at((void*)atTensor, &result));
        return Own(result);
    }

    /// <summary>
    /// A new at::Tensor on this tensor for another library, which owns it and ends it with C++'s delete, as TorchSharp's
    /// <c>Tensor.UnsafeCreateTensor</c> does with what it is given. It may outlive this object, and no ledger here counts it.
    /// </summary>
    /// <exception cref="NativeException">InvalidArgument: two LibTorches in the process.</exception>
    public nint ToAtTensor()
    {
        void* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_to_at(self.Tensor, &result));
        return (nint)result;
    }
}
