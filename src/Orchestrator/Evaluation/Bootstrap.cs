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
    public static (double Low, double High) Interval(IReadOnlyList<IReadOnlyList<bool>> groups, double level, int resamples, SeededRandom random)
    {
        double[] means = [.. Enumerable.Range(0, resamples).Select(_ => groups.Average(group => DrawShare(group, random))).Order()];
        int tail = (int)Math.Floor((1 - level) / 2 * resamples);
        return (means[tail], means[resamples - 1 - tail]);
    }

    private static double DrawShare(IReadOnlyList<bool> group, SeededRandom random)
    {
        int hits = 0;
        for (int i = 0; i < group.Count; i++)
        {
            hits += group[random.NextInt(group.Count)] ? 1 : 0;
        }

        return (double)hits / group.Count;
    }
}
