namespace Hybrid.Orchestrator.Memory;

/// <summary>Bytes in use at one moment, by what they are for.</summary>
public sealed class MemoryUse
{
    private readonly long[] bytes = new long[Enum.GetValues<MemoryKind>().Length];

    /// <summary>Bytes of a kind.</summary>
    public long this[MemoryKind kind]
    {
        get => bytes[(int)kind];
        internal set => bytes[(int)kind] = value;
    }

    /// <summary>All of them.</summary>
    public long Total => bytes.Sum();

    internal MemoryUse Copy()
    {
        var copy = new MemoryUse();
        bytes.CopyTo(copy.bytes, 0);
        return copy;
    }
}
