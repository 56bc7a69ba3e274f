using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class MemoryMeterTests : LedgerTest
{
    // Elements of float32, so that a block takes four times as many bytes.
    private const int Few = 1000;
    private const int Many = 5000;

    [Fact]
    public void LiveAndPeakFollowTensors()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor before = Block(Many);
        using var meter = MemoryMeter.Start();
        Assert.Equal((0, 0), (meter.Live(Device.Cpu), meter.Peak(Device.Cpu)));

        Tensor many = Block(Many), few = Block(Few);
        before.Dispose(); // was there before, so it takes nothing off
        Assert.Equal(4 * (Many + Few), meter.Live(Device.Cpu));
        many.Dispose();
        Assert.Equal((4 * Few, 4 * (Many + Few)), (meter.Live(Device.Cpu), meter.Peak(Device.Cpu)));

        meter.RestartPeak();
        Assert.Equal(4 * Few, meter.Peak(Device.Cpu));
        Block(Few);
        Assert.Equal(8 * Few, meter.Peak(Device.Cpu));
    }

    [Fact]
    public void MetersNest()
    {
        using TensorScope scope = TensorScope.Begin();
        using var outer = MemoryMeter.Start();
        Block(Few);
        using (var inner = MemoryMeter.Start())
        {
            Block(Many);
            Assert.Equal(4 * Many, inner.Live(Device.Cpu));
        }

        Assert.Equal(4 * (Few + Many), outer.Live(Device.Cpu));
    }

    [Fact]
    public void ABackwardPassIsCounted()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Make.Parameter(1, ElementType.Float32, Many);
        Tensor loss = weight.Square().Sum();
        using var meter = MemoryMeter.Start();
        Tensor gradient = Autograd.Gradients(loss, [weight])[0]!;
        Assert.InRange(meter.Live(Device.Cpu), 4 * Many, (4 * Many) + 64); // the gradient, and factors of a few bytes
        Assert.InRange(meter.Peak(Device.Cpu), 4 * Many, 5 * 4 * Many);
        Assert.Equal(Many, gradient.Shape[0]);
    }

    [Fact]
    public void EveryThreadHasItsOwn()
    {
        using TensorScope scope = TensorScope.Begin();
        using var mine = MemoryMeter.Start();
        long theirs = 0;
        Concurrently.Run(
            () =>
            {
                using var meter = MemoryMeter.Start();
                using Tensor block = Block(Many);
                theirs = meter.Peak(Device.Cpu);
            },
            () => Block(Few).Dispose());

        Assert.Equal(4 * Many, theirs);
        Assert.Equal(0, mine.Peak(Device.Cpu));
    }

    [Fact]
    public void DisposingElsewhereOrOutOfOrderIsAnErrorAndTheMeterGoesOn()
    {
        using TensorScope scope = TensorScope.Begin();
        using var outer = MemoryMeter.Start();
        using (var inner = MemoryMeter.Start())
        {
            Expect.Failure(NativeStatus.InvalidArgument, outer.Dispose, "memory_meter_stop", "started later");
            Concurrently.Run(() => Expect.Failure(NativeStatus.InvalidArgument, inner.Dispose, "memory_meter_stop", "another thread"));
            Block(Few);
            Assert.Equal(4 * Few, inner.Live(Device.Cpu));
        }

        Assert.Equal(4 * Few, outer.Live(Device.Cpu));
    }

    [Fact]
    public void AfterItsEndAndOnAbsentDevicesThereIsNothingToAsk()
    {
        using var meter = MemoryMeter.Start();
        Expect.Failure(NativeStatus.Device, () => meter.Peak(new Device(-2)), "memory_meter_peak", "-2");
        meter.Dispose();
        meter.Dispose();
        Assert.Throws<ObjectDisposedException>(() => meter.Live(Device.Cpu));
    }

    private static Tensor Block(int count) => Tensor.Zeros([count], ElementType.Float32, Device.Cpu);
}
