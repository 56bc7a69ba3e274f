using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Every status that a caller can meet, once each; the details are with the operations.</summary>
public sealed unsafe class NativeExceptionTests : LedgerTest
{
    [Fact]
    public void EveryStatusCanBeReached()
    {
        using TensorScope scope = TensorScope.Begin();
        using TemporaryFolder folder = new();
        Tensor a = Make.Doubles([2], 1, 2), b = Make.Floats([3], 1, 2, 3);
        File.WriteAllText(folder.File("bad"), "no safetensors file");
        Dictionary<NativeStatus, Action> ways = new()
        {
            [NativeStatus.InvalidArgument] = () => _ = a + b,
            [NativeStatus.OutOfRange] = () => a.Select(0, [2]),
            [NativeStatus.TypeMismatch] = () => Transformer.SwiGlu(a.Reshape(1, 2), b.Narrow(0, 0, 2).Reshape(1, 2)),
            [NativeStatus.NotImplemented] = () => Tensor.From<long>([1, 2]).Softmax(0),
            [NativeStatus.OutOfMemory] = () => Tensor.Zeros([1L << 45], ElementType.Float32, Device.Cpu),
            [NativeStatus.Io] = () => SafetensorsFile.Open(folder.File("absent")),
            [NativeStatus.BadFormat] = () => SafetensorsFile.Open(folder.File("bad")),
            [NativeStatus.Device] = () => Tensor.Zeros([1], ElementType.Float32, Device.Cuda(99)),
            [NativeStatus.AbiMismatch] = () => NativeLoader.RequireMatch("x.so", 0, string.Empty),

            // The public methods bring buffers of the right size: only the C interface can be called with another.
            [NativeStatus.BufferTooSmall] = () =>
            {
                byte* buffer = stackalloc byte[4];
                using var borrowed = new Borrowed(a.Handle);
                NativeException.ThrowIfFailed(NativeMethods.hyb_tensor_copy_to(borrowed.Tensor, buffer, 4));
            },
        };

        Assert.All(ways, way => Expect.Failure(way.Key, way.Value));
        Assert.Equal(Enum.GetValues<NativeStatus>().Except([NativeStatus.Internal]).Order(), ways.Keys.Order()); // Internal is a defect
    }

    [Fact]
    public void EveryCodeOfTheHeaderHasAStatus()
    {
        var codes = typeof(NativeMethods).GetFields().Where(field => field.IsLiteral && (int)field.GetRawConstantValue()! <= -1 && field.Name != nameof(NativeMethods.HYB_CPU));
        Assert.All(codes, code => Assert.Equal(
            code.Name["HYB_".Length..].Replace("_", string.Empty, StringComparison.Ordinal),
            ((NativeStatus)(int)code.GetRawConstantValue()!).ToString(),
            ignoreCase: true));
        Assert.Equal(10, codes.Count());
    }

    [Fact]
    public void NullsAreRefusedByTheLibraryItself()
    {
        hyb_tensor* result = null;
        Assert.Equal(NativeMethods.HYB_INVALID_ARGUMENT, NativeMethods.hyb_tensor_alias(null, &result));
        Assert.Equal(NativeMethods.HYB_INVALID_ARGUMENT, NativeMethods.hyb_tensor_zeros(null, 1, 0, NativeMethods.HYB_CPU, &result));
        Assert.Equal(NativeMethods.HYB_INVALID_ARGUMENT, NativeMethods.hyb_tensor_zeros(null, 0, 0, NativeMethods.HYB_CPU, null));
        Assert.True(result == null);
        NativeMethods.hyb_tensor_free(null);
        NativeMethods.hyb_density_free(null);
        NativeMethods.hyb_safetensors_free(null);
    }

    [Fact]
    public void TheMessageIsTheCallingThreadsOwn()
    {
        using Tensor a = Make.Doubles([2], 1, 2), b = Make.Doubles([3], 1, 2, 3);
        Concurrently.Run([.. Enumerable.Range(0, 4).Select<int, Action>(i => () =>
        {
            for (int round = 0; round < 100; round++)
            {
                if (i % 2 == 0)
                {
                    Expect.Failure(NativeStatus.InvalidArgument, () => _ = a + b, "ops_add");
                }
                else
                {
                    Expect.Failure(NativeStatus.OutOfRange, () => a.Select(0, [i + 10]), $"index {i + 10}");
                }
            }
        })]);
    }
}
