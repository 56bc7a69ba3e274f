namespace Hybrid.Benchmarks;

/// <summary>Times two ways of doing the same work, turn by turn, so that what disturbs the machine disturbs both.</summary>
internal static class Interleaved
{
    /// <summary>Turns longer than this are taken three times at most: they are long enough to be steady.</summary>
    private const double LongTurnSeconds = 4;

    /// <summary>Runs both <paramref name="rounds"/> times after one that is not counted. Each returns its own seconds.</summary>
    public static Comparison Run(Func<double> ours, Func<double> theirs, int rounds)
    {
        double longest = Math.Max(ours(), theirs());
        rounds = longest > LongTurnSeconds ? Math.Min(rounds, 3) : rounds;
        double[] a = new double[rounds], b = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            a[round] = ours();
            b[round] = theirs();
        }

        return new Comparison(a, b);
    }

    /// <summary>Seconds of an action.</summary>
    public static double Time(Action action)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        action();
        return System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>Seconds of both sides, round by round.</summary>
internal sealed record Comparison(double[] Ours, double[] Theirs)
{
    public double OurMedian => Interleaved.Median(Ours);

    public double TheirMedian => Interleaved.Median(Theirs);

    /// <summary>How many times faster ours is: median of the rounds' ratios.</summary>
    public double Ratio => Interleaved.Median(Ratios);

    public double LowestRatio => Ratios.Min();

    public double HighestRatio => Ratios.Max();

    private IEnumerable<double> Ratios => Theirs.Zip(Ours, (theirs, ours) => theirs / ours);
}
