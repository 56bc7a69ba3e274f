namespace Hybrid.Interop;

/// <summary>
/// Counts, for each device, the bytes of tensors that the calling thread, and the backward passes it starts, allocate while the meter runs:
/// <c>using var meter = MemoryMeter.Start();</c>. A block counts from its allocation until it is freed there; what was allocated before is
/// never counted, and freeing it takes nothing off. Meters nest; they are disposed on their own thread, innermost first.
/// </summary>
public sealed unsafe class MemoryMeter : IDisposable
{
    private readonly MemoryMeterHandle handle;

    private MemoryMeter(hyb_memory_meter* pointer) => handle = new MemoryMeterHandle(pointer);

    /// <summary>Starts a meter on the calling thread.</summary>
    public static MemoryMeter Start()
    {
        hyb_memory_meter* pointer;
        NativeException.ThrowIfFailed(NativeMethods.hyb_memory_meter_start(&pointer));
        return new MemoryMeter(pointer);
    }

    /// <summary>Bytes on the device that were counted and are not freed yet. Any thread may ask.</summary>
    /// <exception cref="NativeException">The device is absent.</exception>
    public long Live(Device device)
    {
        long bytes;
        using var self = new Borrowed(handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_memory_meter_live(self.MemoryMeter, device.Code, &bytes));
        return bytes;
    }

    /// <summary>The most that <see cref="Live"/> was at any time since the start or the latest <see cref="RestartPeak"/>.</summary>
    /// <exception cref="NativeException">The device is absent.</exception>
    public long Peak(Device device)
    {
        long bytes;
        using var self = new Borrowed(handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_memory_meter_peak(self.MemoryMeter, device.Code, &bytes));
        return bytes;
    }

    /// <summary>Looks for the peak anew, on every device: from here on it is at least what is live now.</summary>
    public void RestartPeak()
    {
        using var self = new Borrowed(handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_memory_meter_restart_peak(self.MemoryMeter));
    }

    /// <summary>Ends the counting.</summary>
    /// <exception cref="NativeException">It is another thread's meter, or one that was started later still runs. The meter goes on.</exception>
    public void Dispose()
    {
        if (handle.IsClosed)
        {
            return;
        }

        using (var self = new Borrowed(handle))
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_memory_meter_stop(self.MemoryMeter));
        }

        handle.Dispose();
    }
}
