namespace Hybrid.Orchestrator.Evaluation;

/// <summary>The percentile bootstrap over questions (Efron 1979).</summary>
internal static class Bootstrap
{
    /// <summary>The level of every interval that tables show.</summary>
    public const double UsualLevel = 0.95;

    /// <summary>Draws behind it.</summary>
    public const int UsualResamples = 2000;

    /// <summary>
    /// An interval of the mean over groups of each group's share of hits. Questions are drawn with replacement within their group, so that
    /// every draw has the groups' sizes.
    /// </summary>
    /// <param name="groups">Each group's questions: whether they were answered rightly.</param>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws.</param>
    /// <param name="random">Where the draws come from.</param>
    public static (double Low, double High) Interval(IReadOnlyList<IReadOnlyList<bool>> groups, double level, int resamples, SeededRandom random) =>
        MeanInterval([.. groups.Select(group => group.Select(hit => hit ? 1.0 : 0).ToArray())], level, resamples, random);

    /// <summary>The same of the mean over groups of each group's mean of numbers, such as a question's hit after an attack less its hit before.</summary>
    /// <param name="groups">Each group's numbers, one a question.</param>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws.</param>
    /// <param name="random">Where the draws come from.</param>
    public static (double Low, double High) MeanInterval(IReadOnlyList<double[]> groups, double level, int resamples, SeededRandom random)
    {
        double[] means = [.. Enumerable.Range(0, resamples).Select(_ => groups.Average(group => DrawMean(group, random))).Order()];
        int tail = (int)Math.Floor((1 - level) / 2 * resamples);
        return (means[tail], means[resamples - 1 - tail]);
    }

    private static double DrawMean(double[] group, SeededRandom random)
    {
        double sum = 0;
        for (int i = 0; i < group.Length; i++)
        {
            sum += group[random.NextInt(group.Length)];
        }

        return sum / group.Length;
    }
}
