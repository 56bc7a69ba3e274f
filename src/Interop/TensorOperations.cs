namespace Hybrid.Interop;

/// <summary>Plain differentiable operations. Shapes broadcast from the right: sizes are equal or one of them is 1.</summary>
public sealed unsafe partial class Tensor
{
    /// <summary>Elementwise sum.</summary>
    public static Tensor operator +(Tensor left, Tensor right) => left.Binary(right, &NativeMethods.hyb_ops_add);

    /// <summary>Elementwise difference.</summary>
    public static Tensor operator -(Tensor left, Tensor right) => left.Binary(right, &NativeMethods.hyb_ops_sub);

    /// <summary>Elementwise product.</summary>
    public static Tensor operator *(Tensor left, Tensor right) => left.Binary(right, &NativeMethods.hyb_ops_mul);

    /// <summary>Elementwise quotient.</summary>
    public static Tensor operator /(Tensor left, Tensor right) => left.Binary(right, &NativeMethods.hyb_ops_div);

    /// <summary>Every element times a number.</summary>
    public static Tensor operator *(double scale, Tensor tensor) => tensor.Affine(scale, 0);

    /// <summary>Every element with its sign turned.</summary>
    public static Tensor operator -(Tensor tensor) => tensor.Affine(-1, 0);

    /// <summary>scale · element + shift.</summary>
    public Tensor Affine(double scale, double shift)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_ops_affine(self.Tensor, scale, shift, &result));
        return Own(result);
    }

    /// <summary>Elementwise square.</summary>
    public Tensor Square() => Unary(&NativeMethods.hyb_ops_square);

    /// <summary>Elementwise magnitude.</summary>
    public Tensor Abs() => Unary(&NativeMethods.hyb_ops_abs);

    /// <summary>Elementwise exponential.</summary>
    public Tensor Exp() => Unary(&NativeMethods.hyb_ops_exp);

    /// <summary>Elementwise log of the logistic function, stable for large magnitudes.</summary>
    public Tensor LogSigmoid() => Unary(&NativeMethods.hyb_ops_log_sigmoid);

    /// <summary>Softmax along a dimension.</summary>
    public Tensor Softmax(int dimension) => Along(dimension, &NativeMethods.hyb_ops_softmax);

    /// <summary>Log of softmax along a dimension.</summary>
    public Tensor LogSoftmax(int dimension) => Along(dimension, &NativeMethods.hyb_ops_log_softmax);

    /// <summary>[M,K] times [K,N], or [N,K] when transposed: [M,N].</summary>
    public Tensor MatMul(Tensor other, bool transposeOther = false)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        using var that = new Borrowed(other.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_ops_matmul(self.Tensor, that.Tensor, transposeOther ? 1 : 0, &result));
        return Own(result);
    }

    /// <summary>Sum of all elements, shape [].</summary>
    public Tensor Sum() => Unary(&NativeMethods.hyb_ops_sum);

    /// <summary>Mean of all elements, shape [].</summary>
    public Tensor Mean() => Unary(&NativeMethods.hyb_ops_mean);

    /// <summary>Sum along a dimension, which goes.</summary>
    public Tensor Sum(int dimension) => Along(dimension, &NativeMethods.hyb_ops_sum_dim);

    /// <summary>Mean along a dimension, which goes.</summary>
    public Tensor Mean(int dimension) => Along(dimension, &NativeMethods.hyb_ops_mean_dim);

    /// <summary>Largest magnitude of all elements, shape []; not differentiable.</summary>
    public Tensor AbsMax() => Unary(&NativeMethods.hyb_ops_abs_max);

    /// <summary>Position of the largest element along a dimension, the first of equals. Int64.</summary>
    public Tensor ArgMax(int dimension) => Along(dimension, &NativeMethods.hyb_ops_argmax);

    /// <summary>Positions <paramref name="indices"/> of a dimension, in that order; repeats are allowed.</summary>
    public Tensor Select(int dimension, ReadOnlySpan<long> indices)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        fixed (long* list = indices)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_ops_index_select(self.Tensor, dimension, list, indices.Length, &result));
        }

        return Own(result);
    }

    /// <summary>[N] summed over segments offsets[i] … offsets[i+1]−1: [offsets.Length − 1].</summary>
    public Tensor SegmentSum(ReadOnlySpan<long> offsets)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        fixed (long* bounds = offsets)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_ops_segment_sum(self.Tensor, bounds, offsets.Length - 1, &result));
        }

        return Own(result);
    }

    private Tensor Binary(Tensor other, delegate*<hyb_tensor*, hyb_tensor*, hyb_tensor**, int> operation)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        using var that = new Borrowed(other.Handle);
        NativeException.ThrowIfFailed(operation(self.Tensor, that.Tensor, &result));
        return Own(result);
    }

    private Tensor Along(int dimension, delegate*<hyb_tensor*, int, hyb_tensor**, int> operation)
    {
        hyb_tensor* result;
        using var self = new Borrowed(Handle);
        NativeException.ThrowIfFailed(operation(self.Tensor, dimension, &result));
        return Own(result);
    }
}
