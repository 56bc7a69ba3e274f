namespace Hybrid.Orchestrator.Evaluation;

/// <summary>The percentile bootstrap over questions (Efron 1979).</summary>
public static class Bootstrap
{
    /// <summary>
    /// An interval of the mean over groups of each group's share of hits. Questions are drawn with replacement within their group, so that
    /// every draw has the groups' sizes.
    /// </summary>
    /// <param name="groups">Each group's questions: whether they were answered rightly.</param>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws.</param>
    /// <param name="random">Where the draws come from.</param>
    public static (double Low, double High) Interval(IReadOnlyList<IReadOnlyList<bool>> groups, double level, int resamples, SeededRandom random) =>
        Interval([.. groups.Select(group => group.Select(Worth).ToArray())], level, resamples, random);

    /// <summary>The same of the difference between two rounds of answers to the same questions; each draw takes both answers of a question.</summary>
    /// <param name="after">Each group's questions: whether they were answered rightly in the second round.</param>
    /// <param name="before">The same in the first, which is subtracted.</param>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws.</param>
    /// <param name="random">Where the draws come from.</param>
    public static (double Low, double High) DifferenceInterval(
        IReadOnlyList<IReadOnlyList<bool>> after, IReadOnlyList<IReadOnlyList<bool>> before, double level, int resamples, SeededRandom random) =>
        Interval([.. after.Zip(before, (a, b) => a.Select((hit, i) => Worth(hit) - Worth(b[i])).ToArray())], level, resamples, random);

    private static (double Low, double High) Interval(int[][] groups, double level, int resamples, SeededRandom random)
    {
        double[] means = [.. Enumerable.Range(0, resamples).Select(_ => groups.Average(group => DrawMean(group, random))).Order()];
        int tail = (int)Math.Floor((1 - level) / 2 * resamples);
        return (means[tail], means[resamples - 1 - tail]);
    }

    private static int Worth(bool hit) => hit ? 1 : 0;

    private static double DrawMean(int[] group, SeededRandom random)
    {
        int sum = 0;
        for (int i = 0; i < group.Length; i++)
        {
            sum += group[random.NextInt(group.Length)];
        }

        return (double)sum / group.Length;
    }
}
