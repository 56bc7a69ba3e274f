using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class RuntimeTests : LedgerTest
{
    [Fact]
    public void ThreadsAreSetForTheProcess()
    {
        int before = Runtime.Threads;
        try
        {
            Runtime.Threads = 2;
            Assert.Equal(2, Runtime.Threads);
            Expect.Failure(NativeStatus.InvalidArgument, () => Runtime.Threads = 0, "runtime_set_threads", "threads is 0");
            Assert.Equal(2, Runtime.Threads);
        }
        finally
        {
            Runtime.Threads = before;
        }
    }

    [Fact]
    public void TheBuildDescribesItself()
    {
        Assert.StartsWith("LibTorch ", Runtime.BuildInfo, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', Runtime.BuildInfo);
        Assert.True(Runtime.CudaDevices >= 0);
    }

    [Fact]
    public void TheHostsMemoryIsWithinBounds()
    {
        (long free, long total) = Runtime.Memory(Device.Cpu);
        Assert.InRange(total, 1L << 26, 1L << 50);
        Assert.InRange(free, 1, total);
    }

    [Fact]
    public void AnAbsentDevicesMemoryIsAnError()
    {
        Expect.Failure(NativeStatus.Device, () => Runtime.Memory(Device.Cuda(Runtime.CudaDevices)), "runtime_memory", $"CUDA device {Runtime.CudaDevices}");
        Expect.Failure(NativeStatus.Device, () => Runtime.Memory(new Device(-2)), "runtime_memory", "-2");
    }

    [Fact]
    public void TheInstructionSetCanBeChosen()
    {
        Assert.Equal("baseline", InstructionSets.Available[^1]);
        InstructionSets.ForEach(name => Assert.Contains($"CPU kernels {name},", Runtime.BuildInfo, StringComparison.Ordinal));
        Assert.Contains($"CPU kernels {InstructionSets.Available[0]},", Runtime.BuildInfo, StringComparison.Ordinal);
        Expect.Failure(NativeStatus.InvalidArgument, () => Runtime.SelectInstructionSet("neon"), "runtime_set_isa", "'neon'");
        Assert.Throws<ArgumentException>(() => Runtime.SelectInstructionSet("avx2\0"));
    }
}
