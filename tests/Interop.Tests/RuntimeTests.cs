using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class RuntimeTests : LedgerTest
{
    [Fact]
    public void ThreadsAreSetForTheCallingThread()
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
    public void ACountConcernsNoOtherThread()
    {
        int before = Runtime.Threads, fresh = CountOfAFreshThread(), another = fresh + 2;
        try
        {
            Runtime.Threads = another;

            Assert.Equal(another, ForeignTensor.Threads); // LibTorch's own operations follow
            Assert.Equal(another, ForeignTensor.ThreadsAtWork);
            Assert.Equal(fresh, CountOfAFreshThread());
        }
        finally
        {
            Runtime.Threads = before;
        }

        Assert.Equal(fresh, CountOfAFreshThread());
    }

    [Fact]
    public void EachThreadKeepsItsCountWhileOthersWork() => Concurrently.Run([.. Enumerable.Range(1, 3).Select(count => (Action)(() =>
    {
        for (int round = 0; round < 50; round++)
        {
            Runtime.Threads = count;
            Assert.Equal(count, ForeignTensor.ThreadsAtWork);
            Runtime.Threads = 5;
            Assert.Equal(5, Runtime.Threads);
        }
    }))]);

    [Fact]
    public void TheHostsDefaultIsFollowedAndLeftAlone()
    {
        int before = Runtime.Threads, fresh = CountOfAFreshThread(), hosts = fresh + 2;
        OnAFreshThread(() => ForeignTensor.Threads = hosts);
        try
        {
            Assert.Equal(before, Runtime.Threads); // a thread that has computed keeps its own
            Runtime.Threads = hosts + 1;
            Assert.Equal(hosts, CountOfAFreshThread());
            OnAFreshThread(() => Assert.Equal(hosts, Runtime.Threads));
        }
        finally
        {
            Runtime.Threads = before;
            OnAFreshThread(() => ForeignTensor.Threads = fresh);
        }

        Assert.Equal(fresh, CountOfAFreshThread());
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

    /// <summary>What a thread of the host begins with that has not computed yet.</summary>
    private static int CountOfAFreshThread()
    {
        int count = 0;
        OnAFreshThread(() => count = ForeignTensor.Threads);
        return count;
    }

    private static void OnAFreshThread(Action action) => Concurrently.Run(action);
}
