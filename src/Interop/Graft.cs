namespace Hybrid.Interop;

/// <summary>The block graft: parameters change places between two models, storage for storage.</summary>
public static unsafe class Graft
{
    /// <summary>
    /// Exchanges the storage of first[i] and second[i] for every i: all of them, or none and an exception. Nothing is copied, but where a pair
    /// is between the CPU and a CUDA device: that one exchanges its values. Shapes, strides and element types of a pair must agree, and no tensor
    /// may stand twice.
    /// </summary>
    public static void Exchange(IReadOnlyList<Tensor> first, IReadOnlyList<Tensor> second)
    {
        if (first.Count != second.Count)
        {
            throw new NativeException(NativeStatus.InvalidArgument, $"a graft of {first.Count} tensors against {second.Count}");
        }

        using var left = new BorrowedList(first);
        using var right = new BorrowedList(second);
        fixed (nint* a = left)
        fixed (nint* b = right)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_graft_exchange((hyb_tensor**)a, (hyb_tensor**)b, left.Count));
        }
    }
}
