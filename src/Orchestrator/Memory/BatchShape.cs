using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Memory;

/// <summary>The size of a packed batch.</summary>
/// <param name="Tokens">Tokens, T.</param>
/// <param name="Scored">Tokens whose NLL counts, N.</param>
public readonly record struct BatchShape(long Tokens, long Scored)
{
    /// <summary>No example.</summary>
    public static BatchShape Empty { get; } = new(0, 0);

    /// <summary>The most that a batch of so many of the examples can have: batches are drawn, and the longest may meet.</summary>
    public static BatchShape Largest(IReadOnlyList<TokenSequence> examples, int size) => new(
        examples.Select(example => (long)example.Ids.Length).OrderDescending().Take(size).Sum(),
        examples.Select(example => (long)example.ScoredPositions.Count).OrderDescending().Take(size).Sum());

    /// <summary>Both in one batch.</summary>
    public static BatchShape operator +(BatchShape left, BatchShape right) => new(left.Tokens + right.Tokens, left.Scored + right.Scored);
}
