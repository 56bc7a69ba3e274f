namespace Hybrid.Orchestrator.Model;

/// <summary>One example: its tokens and which of them are scored, that is, count in the loss.</summary>
public sealed class TokenSequence
{
    /// <summary>An example in which the tokens from <paramref name="firstScored"/> on are scored. The very first token never is: nothing predicts it.</summary>
    public TokenSequence(ReadOnlyMemory<long> ids, int firstScored)
        : this(ids, [.. Enumerable.Range(Math.Max(1, firstScored), Math.Max(0, ids.Length - Math.Max(1, firstScored)))])
    {
    }

    /// <summary>An example with the given scored positions, rising, each in 1 … length−1.</summary>
    public TokenSequence(ReadOnlyMemory<long> ids, IReadOnlyList<int> scoredPositions)
    {
        if (ids.IsEmpty)
        {
            throw new ArgumentException("a sequence needs at least one token", nameof(ids));
        }

        int last = 0;
        foreach (int position in scoredPositions)
        {
            if (position <= last || position >= ids.Length)
            {
                throw new ArgumentException($"scored positions must rise within 1 … {ids.Length - 1}", nameof(scoredPositions));
            }

            last = position;
        }

        Ids = ids;
        ScoredPositions = scoredPositions;
    }

    /// <summary>Token ids.</summary>
    public ReadOnlyMemory<long> Ids { get; }

    /// <summary>Positions of the scored tokens.</summary>
    public IReadOnlyList<int> ScoredPositions { get; }
}
