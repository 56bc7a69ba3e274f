using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// Hidden states of sequences at layers: in the host's memory up to a bound, then in a temporary file up to another, then not at all. A batch of them
/// comes back to the device in far less time than its layers would take.
/// </summary>
internal sealed class HiddenStateStore(long memoryBytes, long fileBytes) : IDisposable
{
    private readonly Dictionary<(TokenSequence Sequence, int Layer), Entry> entries = new(Identity.Instance);
    private long memoryLeft = memoryBytes;
    private long fileLeft = fileBytes;
    private SpillFile? file;

    /// <summary>Bytes that lie in the file.</summary>
    public long BytesInFile { get; private set; }

    /// <summary>Whether states are kept.</summary>
    public bool Has(TokenSequence sequence, int layer) => entries.ContainsKey((sequence, layer));

    /// <summary>The states [S,D], where they came from; null where they are not kept. The tensor is the current scope's.</summary>
    public Tensor? Find(TokenSequence sequence, int layer) =>
        entries.TryGetValue((sequence, layer), out Entry entry) ? entry.Kept?.To(entry.Type, entry.Device) ?? Read(entry) : null;

    /// <summary>Whether states of so many bytes would be kept.</summary>
    public bool HasRoomFor(long bytes) => bytes <= memoryLeft || bytes <= fileLeft;

    /// <summary>Keeps a copy of the states [S,D], if there is room and none is kept.</summary>
    public void Keep(TokenSequence sequence, int layer, Tensor states)
    {
        if (Has(sequence, layer))
        {
            return;
        }

        int size = checked((int)(states.Count * states.ElementType.Size()));
        if (size <= memoryLeft)
        {
            memoryLeft -= size;
            using TensorScope outside = TensorScope.Outside();
            Tensor copy = states.CloneTo(states.ElementType, Device.Cpu); // a view would hold the whole batch
            entries.Add((sequence, layer), new Entry(copy, 0, size, [], states.ElementType, states.Device));
        }
        else if (size <= fileLeft)
        {
            byte[] bytes = new byte[size];
            states.ToBytes(bytes);
            file ??= new SpillFile();
            entries.Add((sequence, layer), new Entry(null, file.Append(bytes), size, states.Shape, states.ElementType, states.Device));
            fileLeft -= size;
            BytesInFile += size;
        }
    }

    /// <summary>Frees the memory and deletes the file.</summary>
    public void Dispose()
    {
        foreach (Entry entry in entries.Values)
        {
            entry.Kept?.Dispose();
        }

        entries.Clear();
        file?.Dispose();
    }

    private Tensor Read(Entry entry)
    {
        byte[] bytes = new byte[entry.Size];
        file!.Read(entry.Position, bytes);
        return Tensor.FromBytes(bytes, entry.Shape, entry.Type, entry.Device);
    }

    /// <summary>States in memory, or where they lie in the file and what they are.</summary>
    private readonly record struct Entry(Tensor? Kept, long Position, int Size, long[] Shape, ElementType Type, Device Device);

    /// <summary>Two examples of equal tokens are two: what counts is the object.</summary>
    private sealed class Identity : IEqualityComparer<(TokenSequence Sequence, int Layer)>
    {
        public static readonly Identity Instance = new();

        public bool Equals((TokenSequence Sequence, int Layer) x, (TokenSequence Sequence, int Layer) y) => ReferenceEquals(x.Sequence, y.Sequence) && x.Layer == y.Layer;

        public int GetHashCode((TokenSequence Sequence, int Layer) key) => HashCode.Combine(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(key.Sequence), key.Layer);
    }
}
