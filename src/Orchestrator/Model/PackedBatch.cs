namespace Hybrid.Orchestrator.Model;

/// <summary>
/// Sequences laid end to end, T tokens in all: sequence b owns rows <c>Offsets[b] … Offsets[b+1]−1</c>. There is no padding, so its side
/// cannot matter and none of it is computed.
/// </summary>
public sealed class PackedBatch
{
    private readonly long[] ids;
    private readonly long[] offsets;

    /// <summary>Packs the sequences in order.</summary>
    /// <exception cref="ArgumentException">No sequence, or an empty one.</exception>
    public PackedBatch(IReadOnlyList<TokenSequence> sequences)
    {
        if (sequences.Count == 0)
        {
            throw new ArgumentException("a batch needs at least one sequence", nameof(sequences));
        }

        offsets = new long[sequences.Count + 1];
        for (int b = 0; b < sequences.Count; b++)
        {
            offsets[b + 1] = offsets[b] + sequences[b].Ids.Length;
        }

        ids = new long[offsets[^1]];
        var rows = new List<long>();
        var targets = new List<long>();
        var scored = new long[offsets.Length];
        for (int b = 0; b < sequences.Count; b++)
        {
            TokenSequence sequence = sequences[b];
            sequence.Ids.Span.CopyTo(ids.AsSpan((int)offsets[b]));
            foreach (int position in sequence.ScoredPositions)
            {
                rows.Add(offsets[b] + position - 1);
                targets.Add(sequence.Ids.Span[position]);
            }

            scored[b + 1] = rows.Count;
        }

        PredictorRows = [.. rows];
        Targets = [.. targets];
        ScoredOffsets = scored;
    }

    /// <summary>Token ids, [T].</summary>
    public ReadOnlySpan<long> Ids => ids;

    /// <summary>Bounds of the sequences, [B+1].</summary>
    public ReadOnlySpan<long> Offsets => offsets;

    /// <summary>Number of sequences, B.</summary>
    public int Count => offsets.Length - 1;

    /// <summary>The rows whose next token is scored, [N], sequence after sequence.</summary>
    public long[] PredictorRows { get; }

    /// <summary>Those next tokens, [N].</summary>
    public long[] Targets { get; }

    /// <summary>Bounds of each sequence's scored tokens within <see cref="Targets"/>, [B+1].</summary>
    public long[] ScoredOffsets { get; }

    /// <summary>The last row of each sequence, [B]: where the next token is predicted.</summary>
    public long[] LastRows() => [.. offsets.Skip(1).Select(end => end - 1)];
}
