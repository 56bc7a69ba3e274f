using Hybrid.Orchestrator.Evaluation;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

public sealed class McqResultTests
{
    [Fact]
    public void AccuracyByHand()
    {
        McqResult result = new([[1, 2, 3, 4], [9, 2, 3, 4], [1, 5, 3, 4], [-1, -2, -3, -4]], [3, 1, 1, 0]);

        Assert.Equal([true, false, true, true], result.Correct);
        Assert.Equal((0.75, 4), (result.Accuracy, result.Count));
    }

    [Fact]
    public void CalibrationTakesAwayAPreferenceForALetter()
    {
        // A is always largest; less its mean (10, against 2, 1, 1), the answers are B, A, C.
        McqResult result = new([[9, 5, 1, 1], [12, 0, 0, 0], [9, 1, 2, 2]], [1, 0, 2]);

        Assert.Equal(1 / 3.0, result.Accuracy, 1e-12);
        Assert.Equal(1, result.CalibratedAccuracy, 1e-12);
    }

    [Fact]
    public void WhatIsTakenAwayIsTheMean()
    {
        // A's mean is 4.25: 7 is above it though far below the largest. The others never change and are 0 when calibrated.
        McqResult result = new([[10, 1, -5, -5], [7, 1, -5, -5], [0, 1, -5, -5], [0, 1, -5, -5]], [0, 0, 1, 1]);

        Assert.Equal(1, result.CalibratedAccuracy, 1e-12);
    }

    [Fact]
    public void CalibrationByHandWhereItHurts()
    {
        // Means 3, 2, 0, 0: less them the first question ties A with B at 1 (A, wrong now), the second is C.
        McqResult result = new([[4, 3, -1, -1], [2, 1, 1, 1]], [1, 0]);

        Assert.Equal(0.5, result.Accuracy, 1e-12);
        Assert.Equal(0, result.CalibratedAccuracy, 1e-12);
    }

    [Fact]
    public void OfEqualLogitsTheFirstIsTheAnswer()
    {
        McqResult result = new([[7, 7, 7, 7], [1, 7, 7, 2], [1, 2, 7, 7]], [0, 2, 2]);

        Assert.Equal([true, false, true], result.Correct);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void ALogitThatIsNoNumberIsAnErrorNotAChoice(int place)
    {
        double[] logits = [1, 2, 3, 4];
        logits[place] = double.NaN;

        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => new McqResult([[1, 2, 3, 4], logits], [0, 0])).Kind);
    }

    [Fact]
    public void TheIntervalHoldsTheAccuracyAndFollowsItsSeed()
    {
        McqResult result = Hits(70, of: 100);

        (double low, double high) = result.BootstrapInterval(0.95, 2000, new SeededRandom(1));

        // Normal theory: 0.70 ± 1.96 · √(0.7 · 0.3 / 100) = 0.61 … 0.79.
        Assert.Equal(0.61, low, 0.02);
        Assert.Equal(0.79, high, 0.02);
        Assert.Equal((low, high), result.BootstrapInterval(0.95, 2000, new SeededRandom(1)));
        Assert.NotEqual(Many(result, 1), Many(result, 2));
    }

    [Fact]
    public void AWiderLevelOrFewerQuestionsGiveAWiderInterval()
    {
        static double Width(McqResult result, double level)
        {
            (double low, double high) = result.BootstrapInterval(level, 2000, new SeededRandom(1));
            return high - low;
        }

        Assert.True(Width(Hits(70, 100), 0.99) > Width(Hits(70, 100), 0.95));
        Assert.True(Width(Hits(70, 100), 0.95) > Width(Hits(70, 100), 0.5));
        Assert.True(Width(Hits(7, 10), 0.95) > 2 * Width(Hits(70, 100), 0.95));
        Assert.Equal(0, Width(Hits(10, 10), 0.95));
        Assert.Equal(0, Width(Hits(0, 10), 0.95));
    }

    [Fact]
    public void TheTailsAreExactShares()
    {
        // With 10 draws at 80 %, one is cut on each side.
        McqResult result = Hits(5, 10);
        var random = new SeededRandom(4);
        double[] means = [.. Enumerable.Range(0, 10).Select(_ => Enumerable.Range(0, 10).Count(_ => random.NextInt(10) < 5) / 10.0).Order()];

        Assert.Equal((means[1], means[8]), result.BootstrapInterval(0.8, 10, new SeededRandom(4)));
    }

    private static McqResult Hits(int hits, int of) =>
        new([.. Enumerable.Range(0, of).Select(_ => new double[] { 1, 0, 0, 0 })], [.. Enumerable.Range(0, of).Select(i => i < hits ? 0 : 1)]);

    private static (double Low, double High)[] Many(McqResult result, ulong seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, 5).Select(_ => result.BootstrapInterval(0.8, 11, random))];
    }
}
