namespace Hybrid.Orchestrator.Memory;

/// <summary>Follows what is taken and given back, on the device and on the host, and remembers the moment when the device held the most.</summary>
/// <param name="hostIsDevice">Whether the work is done on the host, so that there is one memory only.</param>
internal sealed class MemoryTimeline(bool hostIsDevice)
{
    private readonly MemoryUse device = new();
    private readonly MemoryUse host = new();

    /// <summary>The device at its fullest moment.</summary>
    public MemoryUse DevicePeak { get; private set; } = new();

    /// <summary>The host at its fullest moment; empty where it is the device.</summary>
    public MemoryUse HostPeak { get; private set; } = new();

    /// <summary>Takes bytes of the device; gives back a negative number of them.</summary>
    public void Take(MemoryKind kind, long bytes)
    {
        device[kind] += bytes;
        if (device.Total > DevicePeak.Total)
        {
            DevicePeak = device.Copy();
        }
    }

    /// <summary>Takes bytes of the host.</summary>
    public void TakeOnHost(MemoryKind kind, long bytes)
    {
        if (hostIsDevice)
        {
            Take(kind, bytes);
            return;
        }

        host[kind] += bytes;
        if (host.Total > HostPeak.Total)
        {
            HostPeak = host.Copy();
        }
    }
}
