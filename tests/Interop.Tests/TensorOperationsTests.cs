using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class TensorOperationsTests : LedgerTest
{
    [Fact]
    public void ArithmeticIsElementwise()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Doubles([2], 6, 8), b = Make.Doubles([2], 3, -2);
        Assert.Equal([9.0, 6.0], (a + b).ToArray<double>());
        Assert.Equal([3.0, 10.0], (a - b).ToArray<double>());
        Assert.Equal([18.0, -16.0], (a * b).ToArray<double>());
        Assert.Equal([2.0, -4.0], (a / b).ToArray<double>());
        Assert.Equal([3.0, 4.0], (0.5 * a).ToArray<double>());
        Assert.Equal([-3.0, 2.0], (-b).ToArray<double>());
        Assert.Equal([7.0, -3.0], b.Affine(2, 1).ToArray<double>());
        Assert.Equal([9.0, 4.0], b.Square().ToArray<double>());
        Assert.Equal([3.0, 2.0], b.Abs().ToArray<double>());
        Expect.Close([Math.Exp(3), Math.Exp(-2)], b.Exp().ToArray<double>());
    }

    [Fact]
    public void ShapesBroadcastFromTheRight()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor matrix = Make.Doubles([2, 3], 1, 2, 3, 4, 5, 6);
        Assert.Equal([11.0, 22, 33, 14, 25, 36], (matrix + Make.Doubles([3], 10, 20, 30)).ToArray<double>());
        Assert.Equal([11.0, 12, 13, 24, 25, 26], (matrix + Make.Doubles([2, 1], 10, 20)).ToArray<double>());
        Assert.Equal([2.0, 4, 6, 8, 10, 12], (matrix * Make.Doubles([], 2)).ToArray<double>());
        Assert.Equal([2, 2, 3], (matrix - Make.Doubles([2, 1, 1], 1, 2)).Shape);
        Expect.Failure(NativeStatus.InvalidArgument, () => _ = matrix + Make.Doubles([2], 1, 2), "ops_add", "(3)", "(2)");
        Expect.Failure(NativeStatus.InvalidArgument, () => _ = matrix - Make.Doubles([2], 1, 2), "ops_sub");
        Expect.Failure(NativeStatus.InvalidArgument, () => _ = matrix * Make.Doubles([2], 1, 2), "ops_mul");
        Expect.Failure(NativeStatus.InvalidArgument, () => _ = matrix / Make.Doubles([2], 1, 2), "ops_div");
    }

    [Fact]
    public void LogSigmoidIsStable()
    {
        using TensorScope scope = TensorScope.Begin();
        double[] values = Make.Doubles([5], -1000, -1, 0, 1, 1000).LogSigmoid().ToDoubles();
        Expect.Close([-1000, -1 - Math.Log(1 + Math.Exp(-1)), -Math.Log(2), -Math.Log(1 + Math.Exp(-1)), 0], values);
    }

    [Fact]
    public void SoftmaxIsStableAndSumsToOne()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 2], 1000, 1000 + Math.Log(3), -1000, -1000);
        Expect.Close([0.25, 0.75, 0.5, 0.5], x.Softmax(1).ToDoubles());
        Expect.Close([Math.Log(0.25), Math.Log(0.75), Math.Log(0.5), Math.Log(0.5)], x.LogSoftmax(-1).ToDoubles());
        Expect.Close([1, 1, 0, 0], x.Softmax(0).ToDoubles());
        Expect.Failure(NativeStatus.OutOfRange, () => x.Softmax(2), "ops_softmax", "dimension 2", "[2, 2]");
        Expect.Failure(NativeStatus.OutOfRange, () => x.LogSoftmax(-3), "ops_log_softmax", "dimension -3", "[2, 2]");
    }

    [Fact]
    public void MatrixProducts()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Doubles([1, 2], 2, 3), b = Make.Doubles([2, 3], 1, 2, 3, 4, 5, 6);
        Assert.Equal([14.0, 19, 24], a.MatMul(b).ToArray<double>());
        Assert.Equal([1, 3], a.MatMul(b).Shape);
        Assert.Equal([8.0, 18.0], a.MatMul(Make.Doubles([2, 2], 1, 2, 3, 4), transposeOther: true).ToArray<double>());
        Expect.Failure(NativeStatus.InvalidArgument, () => b.MatMul(a), "ops_matmul", "[2, 3]", "[1, 2]");
        Expect.Failure(NativeStatus.InvalidArgument, () => a.MatMul(b, transposeOther: true), "ops_matmul", "transposed");
        Expect.Failure(NativeStatus.InvalidArgument, () => a.MatMul(a.Reshape(2)), "ops_matmul", "[2]");
        Expect.Failure(NativeStatus.TypeMismatch, () => a.MatMul(b.To(ElementType.Float32, Device.Cpu)), "ops_matmul", "Double", "Float");
    }

    [Fact]
    public void Reductions()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 3], 1, 2, 3, 4, 5, -60);
        Assert.Equal(-45, x.Sum().Item());
        Assert.Equal(-7.5, x.Mean().Item());
        Assert.Empty(x.Mean().Shape);
        Assert.Equal([5.0, 7.0, -57.0], x.Sum(0).ToArray<double>());
        Assert.Equal([2.0, -17.0], x.Mean(-1).ToArray<double>());
        Assert.Equal(60, x.AbsMax().Item());
        Assert.Empty(x.AbsMax().Shape);
        Assert.False(Make.Parameter(1, ElementType.Float64, 2).AbsMax().RequiresGrad);

        Tensor empty = Tensor.Zeros([0, 2], ElementType.Float64, Device.Cpu);
        Assert.Equal(0, empty.Sum().Item());
        Assert.Equal(0, empty.AbsMax().Item());
        Assert.Equal([0.0, 0.0], empty.Sum(0).ToArray<double>());
        Expect.Failure(NativeStatus.InvalidArgument, () => empty.Mean(), "ops_mean", "no elements");
        Expect.Failure(NativeStatus.InvalidArgument, () => empty.Mean(0), "ops_mean_dim", "no elements");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Sum(2), "ops_sum_dim", "dimension 2", "[2, 3]");
        Expect.Failure(NativeStatus.OutOfRange, () => Make.Doubles([], 1).Sum(0), "ops_sum_dim", "dimension 0", "[]");
    }

    [Fact]
    public void ArgMaxIsTheFirstOfEquals()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 4], 1, 7, 7, 0, -5, -9, -5, -5);
        Assert.Equal([1L, 0L], x.ArgMax(1).ToArray<long>());
        Assert.Equal([0L, 0, 0, 0], x.ArgMax(0).ToArray<long>());
        Expect.Failure(NativeStatus.OutOfRange, () => x.ArgMax(2), "ops_argmax", "dimension 2");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([2, 0], ElementType.Float64, Device.Cpu).ArgMax(1), "ops_argmax", "no elements");
    }

    [Fact]
    public void ArgMaxIsTheFirstOfEqualsInALongRow()
    {
        using TensorScope scope = TensorScope.Begin();
        float[] row = new float[5000];
        row[1234] = row[1235] = row[4999] = 3;
        Assert.Equal(1234L, Make.Floats([1, 5000], row).ArgMax(1).ToArray<long>().Single());
        Assert.Equal(0L, Make.Floats([1, 5000], new float[5000]).ArgMax(1).ToArray<long>().Single());
    }

    [Fact]
    public void SelectTakesPositionsInAnyOrder()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([3, 2], 1, 2, 3, 4, 5, 6);
        Assert.Equal([5.0, 6, 1, 2, 5, 6], x.Select(0, [2, 0, 2]).ToArray<double>());
        Assert.Equal([2.0, 4, 6], x.Select(-1, [1]).ToArray<double>());
        Assert.Equal([0, 2], x.Select(0, []).Shape);
        Expect.Failure(NativeStatus.OutOfRange, () => x.Select(0, [0, 3]), "ops_index_select", "index 3 at position 1", "0 to 2");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Select(0, [-1]), "ops_index_select", "index -1");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Select(2, [0]), "ops_index_select", "dimension 2", "[3, 2]");
    }

    [Fact]
    public void SegmentSumAddsRuns()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([5], 1, 2, 4, 8, 16);
        Assert.Equal([3.0, 0.0, 28.0], x.SegmentSum([0, 2, 2, 5]).ToArray<double>());
        Assert.Equal([0], Tensor.Zeros([0], ElementType.Float64, Device.Cpu).SegmentSum([0]).Shape);
        Assert.Equal([0.0], Tensor.Zeros([0], ElementType.Float64, Device.Cpu).SegmentSum([0, 0]).ToArray<double>());
        Expect.Failure(NativeStatus.InvalidArgument, () => x.SegmentSum([1, 5]), "ops_segment_sum", "begin at 1");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.SegmentSum([0, 3, 2, 5]), "ops_segment_sum", "fall from 3 to 2 at 2");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.SegmentSum([0, 4]), "ops_segment_sum", "end at 4", "5 rows");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.SegmentSum([0, 6]), "ops_segment_sum", "end at 6");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.SegmentSum([]), "ops_segment_sum", "negative");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(5, 1).SegmentSum([0, 5]), "ops_segment_sum", "[5, 1]");
    }

    [Fact]
    public void WhatLibTorchLacksForATypeIsSaid()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor integers = Tensor.From<long>([1, 2], [1, 2], Device.Cpu);
        NativeException failure = Assert.Throws<NativeException>(() => integers.Softmax(1));
        Assert.Contains("ops_softmax", failure.Message, StringComparison.Ordinal);
        Assert.Contains("not implemented for 'Long'", failure.Message, StringComparison.Ordinal);
        Assert.Equal(NativeStatus.NotImplemented, failure.Status);
    }

    [Fact]
    public void EveryGradientAgreesWithDifferences()
    {
        FiniteDifferences.Check(x => x[0] + x[1], [2, 3], [3]);
        FiniteDifferences.Check(x => x[0] - x[1], [2, 1], [2, 3]);
        FiniteDifferences.Check(x => x[0] * x[1], [2, 3], [2, 3]);
        FiniteDifferences.Check(x => x[0] / x[1].Affine(0.1, 2), [2, 3], [3]);
        FiniteDifferences.Check(x => x[0].Affine(-3, 2), [4]);
        FiniteDifferences.Check(x => x[0].Square(), [4]);
        FiniteDifferences.Check(x => x[0].Abs(), [4]);
        FiniteDifferences.Check(x => x[0].Exp(), [4]);
        FiniteDifferences.Check(x => x[0].LogSigmoid(), [4]);
        FiniteDifferences.Check(x => x[0].Softmax(1), [2, 3]);
        FiniteDifferences.Check(x => x[0].LogSoftmax(0), [2, 3]);
        FiniteDifferences.Check(x => x[0].MatMul(x[1]), [2, 3], [3, 4]);
        FiniteDifferences.Check(x => x[0].MatMul(x[1], transposeOther: true), [2, 3], [4, 3]);
        FiniteDifferences.Check(x => x[0].Sum(), [2, 3]);
        FiniteDifferences.Check(x => x[0].Mean(), [2, 3]);
        FiniteDifferences.Check(x => x[0].Sum(1), [2, 3]);
        FiniteDifferences.Check(x => x[0].Mean(0), [2, 3]);
        FiniteDifferences.Check(x => x[0].Select(0, [2, 0, 2]), [3, 2]);
        FiniteDifferences.Check(x => x[0].SegmentSum([0, 2, 2, 5]), [5]);
        FiniteDifferences.Check(x => x[0].Reshape(3, 2).Narrow(0, 1, 2), [2, 3]);
    }
}
