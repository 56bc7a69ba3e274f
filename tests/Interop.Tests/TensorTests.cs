using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Creation, facts, copies and views. The operations are in TensorOperationsTests.</summary>
public sealed class TensorTests : LedgerTest
{
    [Fact]
    public void EveryElementTypeComesBackAsItWentIn()
    {
        RoundTrip([1.5f, float.MinValue, float.NegativeInfinity, -0.0f], ElementType.Float32);
        RoundTrip([1.5, double.Epsilon, double.NaN, 1e300], ElementType.Float64);
        RoundTrip([0L, long.MinValue, long.MaxValue, (1L << 53) + 1], ElementType.Int64);
        RoundTrip([0, int.MinValue, int.MaxValue, -1], ElementType.Int32);
        RoundTrip<byte>([0, 1, 128, 255], ElementType.UInt8);
        RoundTrip([true, false, false, true], ElementType.Boolean);

        static void RoundTrip<T>(T[] values, ElementType type)
            where T : unmanaged
        {
            using Tensor tensor = Tensor.From<T>(values, [2, 2], Device.Cpu);
            Assert.Equal(type, tensor.ElementType);
            Assert.Equal([2, 2], tensor.Shape);
            Assert.Equal(4, tensor.Count);
            Assert.Equal(Device.Cpu, tensor.Device);
            Assert.False(tensor.RequiresGrad);
            Assert.Equal(values, tensor.ToArray<T>());
        }
    }

    [Fact]
    public void HalfTypesRoundToNearest()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Floats([3], 1.0f, 1.00390625f /* 1 + 2^-8: between two bfloat16, even below */, 3.1415927f);

        Assert.Equal([1.0, 1.0, 3.140625], x.To(ElementType.BFloat16, Device.Cpu).ToDoubles());
        Assert.Equal([1.0, 1.00390625, 3.140625], x.To(ElementType.Float16, Device.Cpu).ToDoubles());
        Assert.Equal(ElementType.BFloat16, x.To(ElementType.BFloat16, Device.Cpu).ElementType);
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.Int64)]
    [InlineData(ElementType.Int32)]
    [InlineData(ElementType.UInt8)]
    [InlineData(ElementType.Boolean)]
    public void ToDoublesReadsEveryType(ElementType type)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor tensor = Tensor.From<byte>([0, 1, 1]).To(type, Device.Cpu);
        Assert.Equal(type, tensor.ElementType);
        Assert.Equal([0.0, 1.0, 1.0], tensor.ToDoubles());
        Assert.Equal([0.0, 0.0], Tensor.Zeros([2], type, Device.Cpu).ToDoubles());
    }

    [Fact]
    public void ShapesFromNoneToEightDimensions()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor scalar = Make.Doubles([], 2.5);
        Assert.Empty(scalar.Shape);
        Assert.Equal(1, scalar.Count);
        Assert.Equal(2.5, scalar.Item());
        Assert.Equal("Tensor Float64 [] on cpu", scalar.ToString());
        Assert.Empty(Make.Doubles([1], 1).Reshape().Shape);

        Tensor empty = Tensor.Zeros([3, 0, 2], ElementType.Float32, Device.Cpu);
        Assert.Equal([3, 0, 2], empty.Shape);
        Assert.Equal(0, empty.Count);
        Assert.Empty(empty.ToArray<float>());
        Assert.Equal(0UL, empty.Address);

        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 2], Tensor.Zeros([1, 1, 1, 1, 1, 1, 1, 2], ElementType.Float32, Device.Cpu).Shape);
        Assert.Equal("Tensor Int64 [2, 1] on cpu", Tensor.From<long>([1, 2], [2, 1], Device.Cpu).ToString());
    }

    [Fact]
    public void ImpossibleShapesAreRefused()
    {
        Expect.Failure(NativeStatus.InvalidArgument, () => Make.Floats([3], 1, 2, 3, 4), "tensor_from_data", "16 bytes", "[3]", "12");
        Expect.Failure(NativeStatus.InvalidArgument, () => Make.Floats([], 1, 2), "tensor_from_data", "8 bytes", "[]", "4");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([2, -1], ElementType.Float32, Device.Cpu), "tensor_zeros", "-1");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros(new long[9], ElementType.Float32, Device.Cpu), "tensor_zeros", "ndim is 9");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([1L << 40, 1L << 40], ElementType.Float32, Device.Cpu), "tensor_zeros", "overflows");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([1], (ElementType)77, Device.Cpu), "tensor_zeros", "dtype 77");
    }

    // 2^61 doubles are 2^64 bytes, which is 0 in 64 bits: no bytes must not do for them.
    [Fact]
    public void AShapeWhoseBytesOverflowIsRefused()
    {
        Expect.Failure(NativeStatus.InvalidArgument, () => Make.Doubles([1L << 61]), "tensor_from_data", "[2305843009213693952]", "overflows");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([1L << 61], ElementType.Float64, Device.Cpu), "tensor_zeros", "overflows");
    }

    [Fact]
    public void TooLargeATensorIsOutOfMemory() =>
        Expect.Failure(NativeStatus.OutOfMemory, () => Tensor.Zeros([1L << 45], ElementType.Float32, Device.Cpu), "tensor_zeros", "allocate");

    [Fact]
    public void AnAbsentDeviceIsRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        Device absent = Device.Cuda(99);
        Expect.Failure(NativeStatus.Device, () => Tensor.Zeros([1], ElementType.Float32, absent), "tensor_zeros", "CUDA device 99");
        Expect.Failure(NativeStatus.Device, () => Tensor.From<float>([1], [1], absent), "tensor_from_data", "CUDA device 99");
        Expect.Failure(NativeStatus.Device, () => Make.Doubles([1], 1).To(ElementType.Float32, new Device(-2)), "tensor_to", "CUDA device -2");
    }

    [Fact]
    public void TheHostTypeMustBeTheElementType()
    {
        using Tensor tensor = Make.Floats([1], 1);
        Expect.Failure(NativeStatus.TypeMismatch, () => tensor.ToArray<double>(), "Float32", "Double");
        Expect.Failure(NativeStatus.TypeMismatch, () => Tensor.From<short>([1]), "Int16");
        Expect.Failure(NativeStatus.TypeMismatch, () => tensor.ToArray<Half>(), "Half");
    }

    [Fact]
    public void ItemNeedsOneElement()
    {
        using Tensor two = Make.Doubles([2], 1, 2);
        Expect.Failure(NativeStatus.InvalidArgument, () => two.Item(), "2 elements");
        using Tensor one = Make.Doubles([1, 1], 4);
        Assert.Equal(4, one.Item());
    }

    [Fact]
    public void CopiesAndViews()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 2, 3);
        Assert.Equal(x.Address, x.Alias().Address);
        Assert.True(x.Alias().RequiresGrad);
        Assert.Equal(x.Address, x.Detach().Address);
        Assert.False(x.Detach().RequiresGrad);
        Assert.NotEqual(x.Address, x.Clone().Address);
        Assert.False(x.Clone().RequiresGrad);
        Assert.Equal(x.ToDoubles(), x.Clone().ToDoubles());
        Assert.Equal(x.Address, x.To(ElementType.Float64, Device.Cpu).Address);
        Assert.NotEqual(x.Address, x.To(ElementType.Float32, Device.Cpu).Address);
        Assert.True(x.To(ElementType.Float32, Device.Cpu).RequiresGrad);
        Assert.Equal(x.Address, x.Reshape(3, -1).Address);
        Assert.Equal(x.Address + (3 * sizeof(double)), x.Narrow(0, 1, 1).Address);
    }

    [Fact]
    public void AViewSeesWhatIsWrittenThroughAnother()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 3], 1, 2, 3, 4, 5, 6), column = x.Narrow(1, 1, 1);
        column.CopyFrom(Make.Floats([2, 1], 20, 50));

        Assert.Equal([1.0, 20, 3, 4, 50, 6], x.ToArray<double>());
        Assert.Equal([20.0, 50.0], column.ToArray<double>()); // not contiguous, read row by row
        Assert.Equal([20.0, 50.0], column.Clone().ToArray<double>());
    }

    [Fact]
    public void CopyFromNeedsTheSameShapeAndIsNotRecorded()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 2);
        Expect.Failure(NativeStatus.InvalidArgument, () => x.CopyFrom(Make.Doubles([1], 5)), "tensor_copy_inplace", "[2]", "[1]");
        x.CopyFrom(Make.Parameter(2, ElementType.Float64, 2));
        Assert.Equal([2.0, 2.0], Autograd.Gradients((2 * x).Sum(), [x])[0]!.ToDoubles());
    }

    [Fact]
    public void ReshapeKeepsTheOrder()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 3], 1, 2, 3, 4, 5, 6);
        Assert.Equal([3, 2], x.Reshape(3, 2).Shape);
        Assert.Equal([3, 2], x.Reshape(-1, 2).Shape);
        Assert.Equal([1.0, 2, 3, 4, 5, 6], x.Reshape(6).ToArray<double>());
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(4, 2), "tensor_reshape", "[2, 3]", "[4, 2]");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(-1, -1), "tensor_reshape", "[-1, -1]");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(-1, 4), "tensor_reshape", "[-1, 4]");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(-2, -3), "tensor_reshape", "[-2, -3]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Zeros([0], ElementType.Float64, Device.Cpu).Reshape(-1, 0), "tensor_reshape", "[-1, 0]");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.Reshape(), "tensor_reshape", "[]");
    }

    [Fact]
    public void NarrowTakesARangeOfADimension()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 3], 1, 2, 3, 4, 5, 6);
        Assert.Equal([2.0, 3, 5, 6], x.Narrow(1, 1, 2).ToArray<double>());
        Assert.Equal([2, 0], x.Narrow(1, 3, 0).Shape);
        Expect.Failure(NativeStatus.OutOfRange, () => x.Narrow(1, 2, 2), "tensor_narrow", "2 rows from 2 of 3");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Narrow(1, -1, 1), "tensor_narrow");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Narrow(1, 0, -1), "tensor_narrow");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Narrow(2, 0, 1), "tensor_narrow", "dimension 2");
        Expect.Failure(NativeStatus.OutOfRange, () => x.Narrow(0, long.MaxValue, long.MaxValue), "tensor_narrow");
    }

    [Fact]
    public void ConcatenateJoinsAlongADimension()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor a = Make.Doubles([1, 2], 1, 2), b = Make.Doubles([2, 2], 3, 4, 5, 6);
        Assert.Equal([1.0, 2, 3, 4, 5, 6], Tensor.Concatenate([a, b], 0).ToArray<double>());
        Assert.Equal([1.0, 2, 1, 2], Tensor.Concatenate([a, a], -1).ToArray<double>());
        Assert.Equal([1, 4], Tensor.Concatenate([a, a], 1).Shape);
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Concatenate([a, b], 1), "tensor_cat");
        Expect.Failure(NativeStatus.InvalidArgument, () => Tensor.Concatenate([], 0), "tensor_cat", "no tensors");
        Expect.Failure(NativeStatus.OutOfRange, () => Tensor.Concatenate([a, a], 2), "tensor_cat");
        FiniteDifferences.Check(x => Tensor.Concatenate([x[0], x[1], x[0]], 1), [2, 1], [2, 3]);
    }

    [Fact]
    public void CountDifferentComparesBits()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([4], 1, 0.0, double.NaN, 3);
        Assert.Equal(0, x.CountDifferent(x.Clone()));
        Assert.Equal(2, x.CountDifferent(Make.Doubles([4], 1, -0.0, double.NaN, 3.0000000000000004)));
        Assert.Equal(1, Tensor.From<bool>([true, false]).CountDifferent(Tensor.From<bool>([true, true])));
        Assert.Equal(0, Make.Doubles([], 1).CountDifferent(Make.Doubles([], 1)));
        Tensor half = Make.Doubles([2], 1, 2).To(ElementType.BFloat16, Device.Cpu);
        Assert.Equal(1, half.CountDifferent(Make.Doubles([2], 1, 3).To(ElementType.BFloat16, Device.Cpu)));
        Expect.Failure(NativeStatus.InvalidArgument, () => x.CountDifferent(x.Narrow(0, 0, 3)), "tensor_count_different", "[4]", "[3]");
        Expect.Failure(NativeStatus.InvalidArgument, () => x.CountDifferent(x.To(ElementType.Float32, Device.Cpu)), "tensor_count_different", "Double", "Float");
    }

    [Theory]
    [InlineData("cpu", "cpu")]
    [InlineData("cuda", "cuda:0")]
    [InlineData("cuda:3", "cuda:3")]
    public void DevicesAreReadAndWritten(string text, string expected) => Assert.Equal(expected, Device.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("CPU")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    [InlineData("gpu")]
    public void UnknownDevicesAreRefused(string text) => Assert.Contains($"'{text}'", Assert.Throws<FormatException>(() => Device.Parse(text)).Message, StringComparison.Ordinal);
}
