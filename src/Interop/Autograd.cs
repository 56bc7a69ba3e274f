namespace Hybrid.Interop;

/// <summary>Gradients by reverse differentiation.</summary>
public static unsafe class Autograd
{
    /// <summary>
    /// d loss / d input for every input, null where the loss does not depend on it. The loss has one element. The graph is freed; nothing
    /// is kept on the inputs. Density accumulators in the graph are filled.
    /// </summary>
    public static Tensor?[] Gradients(Tensor loss, IReadOnlyList<Tensor> inputs)
    {
        nint[] found = new nint[inputs.Count];
        using var root = new Borrowed(loss.Handle);
        using var leaves = new BorrowedList(inputs);
        fixed (nint* pointers = leaves)
        fixed (nint* results = found)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_autograd_grad(root.Tensor, (hyb_tensor**)pointers, leaves.Count, (hyb_tensor**)results));
        }

        return Array.ConvertAll(found, pointer => pointer == 0 ? null : Tensor.Own((hyb_tensor*)pointer));
    }
}
