using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Memory;

/// <summary>The size of a packed batch.</summary>
/// <param name="Tokens">Tokens, T.</param>
/// <param name="Scored">Tokens whose NLL counts, N.</param>
/// <param name="Examples">Sequences, B.</param>
/// <param name="Longest">Tokens of the longest sequence.</param>
public readonly record struct BatchShape(long Tokens, long Scored, int Examples, int Longest)
{
    /// <summary>Rows of the batch where every sequence is padded to the longest.</summary>
    public long Padded => (long)Examples * Longest;

    /// <summary>The most that a batch of so many of the examples can have: batches are drawn, and the longest may meet.</summary>
    public static BatchShape Largest(IReadOnlyList<TokenSequence> examples, int size) => new(
        examples.Select(example => (long)example.Ids.Length).OrderDescending().Take(size).Sum(),
        examples.Select(example => (long)example.ScoredPositions.Count).OrderDescending().Take(size).Sum(),
        Math.Min(size, examples.Count),
        examples.Select(example => example.Ids.Length).DefaultIfEmpty(0).Max());

    /// <summary>Both in one batch.</summary>
    public static BatchShape operator +(BatchShape left, BatchShape right) =>
        new(left.Tokens + right.Tokens, left.Scored + right.Scored, left.Examples + right.Examples, Math.Max(left.Longest, right.Longest));
}
