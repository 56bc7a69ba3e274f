namespace Hybrid.Orchestrator.Data;

/// <summary>How long the examples of one part and form are, in tokens, the begin of text included and nothing cut away.</summary>
internal sealed record TokenLengths
{
    /// <summary>The upper bounds of the histogram's first bins; the last bin has none.</summary>
    public static IReadOnlyList<int> BinBounds { get; } = Array.AsReadOnly([8, 16, 32, 64, 128, 256, 512]);

    /// <summary><c>forget</c>, <c>wrong</c>, <c>retain</c> or <c>dev</c>.</summary>
    public required string Part { get; init; }

    /// <summary><c>prompt</c> (a question up to "Answer:"), <c>question-letter-answer</c>, <c>letter-answer</c> or <c>corpus</c>.</summary>
    public required string Form { get; init; }

    /// <summary>How many examples there are, at least one.</summary>
    public required int Examples { get; init; }

    /// <summary>The shortest.</summary>
    public required int Minimum { get; init; }

    /// <summary>The smallest length that no fewer than half of the examples do not exceed.</summary>
    public required int Median { get; init; }

    /// <summary>The smallest length that no fewer than 95 % of the examples do not exceed.</summary>
    public required int Percentile95 { get; init; }

    /// <summary>The longest.</summary>
    public required int Maximum { get; init; }

    /// <summary>How many are longer than <see cref="ExampleEncoder.UsualMaximumTokens"/>, so that training cuts their left ends away.</summary>
    public required int Cut { get; init; }

    /// <summary>How many examples are in each bin: up to 8 tokens, 9 to 16, … 257 to 512, and above.</summary>
    public required IReadOnlyList<int> Histogram { get; init; }

    /// <summary>Counts.</summary>
    /// <param name="part">See <see cref="Part"/>.</param>
    /// <param name="form">See <see cref="Form"/>.</param>
    /// <param name="lengths">The length of each example, of at least one.</param>
    /// <returns>The figures.</returns>
    public static TokenLengths Of(string part, string form, IEnumerable<int> lengths)
    {
        int[] sorted = [.. lengths.Order()];
        int[] bins = new int[BinBounds.Count + 1];
        foreach (int length in sorted)
        {
            bins[BinBounds.TakeWhile(bound => length > bound).Count()]++;
        }

        return new()
        {
            Part = part,
            Form = form,
            Examples = sorted.Length,
            Minimum = sorted[0],
            Median = AtPercent(sorted, 50),
            Percentile95 = AtPercent(sorted, 95),
            Maximum = sorted[^1],
            Cut = sorted.Count(length => length > ExampleEncoder.UsualMaximumTokens),
            Histogram = Array.AsReadOnly(bins),
        };
    }

    // The nearest rank, in whole numbers: ⌈n·percent/100⌉, counted from 1.
    private static int AtPercent(int[] sorted, int percent) => sorted[(int)((((long)sorted.Length * percent) + 99) / 100) - 1];
}
