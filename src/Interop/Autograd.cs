namespace Hybrid.Interop;

/// <summary>Gradients by reverse differentiation.</summary>
public static unsafe class Autograd
{
    /// <summary>
    /// d loss / d input for every input, null where the loss does not depend on it. The loss has one element. The graph is freed; nothing
    /// is kept on the inputs. Density accumulators in the graph are filled.
    /// </summary>
    public static Tensor?[] Gradients(Tensor loss, IReadOnlyList<Tensor> inputs) => Compute(loss, null, inputs);

    /// <summary>
    /// The same through a tensor in the middle of a computation: <paramref name="gradient"/> is the loss's gradient with respect to
    /// <paramref name="result"/>, of its shape, type and device.
    /// </summary>
    public static Tensor?[] Gradients(Tensor result, Tensor gradient, IReadOnlyList<Tensor> inputs) => Compute(result, gradient, inputs);

    private static Tensor?[] Compute(Tensor result, Tensor? gradient, IReadOnlyList<Tensor> inputs)
    {
        nint[] found = new nint[inputs.Count];
        using var root = new Borrowed(result.Handle);
        using var weight = new Borrowed(gradient?.Handle);
        using var leaves = new BorrowedList(inputs);
        fixed (nint* pointers = leaves)
        fixed (nint* results = found)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_autograd_grad(root.Tensor, weight.Tensor, (hyb_tensor**)pointers, leaves.Count, (hyb_tensor**)results));
        }

        return Array.ConvertAll(found, pointer => pointer == 0 ? null : Tensor.Own((hyb_tensor*)pointer));
    }
}
