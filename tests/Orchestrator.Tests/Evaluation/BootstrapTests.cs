using Hybrid.Orchestrator.Evaluation;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

public sealed class BootstrapTests
{
    [Fact]
    public void TheMeanIsOverGroupsNotOverQuestions()
    {
        // 90 right of 90 and 0 right of 10: 0.5 over groups, 0.9 over questions.
        bool[] large = [.. Enumerable.Repeat(true, 90)], small = new bool[10];

        Assert.Equal((0.5, 0.5), Bootstrap.Interval([large, small], 0.95, 50, new SeededRandom(1)));
    }

    [Fact]
    public void TwoGroupsAreNarrowerThanOne()
    {
        bool[] half = [.. Enumerable.Range(0, 100).Select(i => i < 50)];

        (double low, double high) = Bootstrap.Interval([half], 0.95, 4000, new SeededRandom(1));
        (double lowOfFour, double highOfFour) = Bootstrap.Interval([half, half, half, half], 0.95, 4000, new SeededRandom(1));

        // Normal theory: ±1.96 · √(0.25 / 100) = ±0.098, and half of it.
        Assert.Equal((0.402, 0.598), (low, high), new Near(0.015));
        Assert.Equal((0.451, 0.549), (lowOfFour, highOfFour), new Near(0.015));
    }

    [Fact]
    public void AChangeThatEveryQuestionHasIsCertain()
    {
        Assert.Equal((1.0, 1.0), Bootstrap.MeanInterval([[1, 1, 1]], 0.95, 200, new SeededRandom(1)));
        Assert.Equal((0.0, 0.0), Bootstrap.MeanInterval([[0, 0, 0]], 0.95, 200, new SeededRandom(1)));
    }

    [Fact]
    public void DifferencesAreDrawnLikeHits()
    {
        // Half the questions are gained, half are lost: each draw is a mean of 50 times −1 or +1.
        double[] differences = [.. Enumerable.Range(0, 50).Select(i => i % 2 == 0 ? 1.0 : -1.0)];

        (double low, double high) = Bootstrap.MeanInterval([differences], 0.95, 4000, new SeededRandom(2));

        double deviation = Math.Sqrt(1.0 / 50); // of a mean of 50 draws of ±1
        Assert.Equal(-1.96 * deviation, low, 0.05);
        Assert.Equal(1.96 * deviation, high, 0.05);
    }

    [Fact]
    public void HitsAreTakenApartAsTheyWerePutTogether() => Assert.Equal(["10", "011", "1"], HitString.Split("100111", [2, 3, 1]));

    [Theory]
    [InlineData("")]
    [InlineData("01 ")]
    public void HitsOfOtherLettersAreErrors(string hits) => Assert.Equal(ErrorKind.Config, Assert.Throws<HybridException>(() => HitString.Parse(hits)).Kind);

    [Fact]
    public void HitsByHand()
    {
        string hits = HitString.Of(new McqResult([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], [0, 0, 2]));

        Assert.Equal("101", hits);
        Assert.Equal([true, false, true], HitString.Parse(hits));
        Assert.Equal(2 / 3.0, HitString.Accuracy(hits));
    }

    private sealed class Near(double tolerance) : IEqualityComparer<(double Low, double High)>
    {
        public bool Equals((double Low, double High) x, (double Low, double High) y) => Math.Abs(x.Low - y.Low) < tolerance && Math.Abs(x.High - y.High) < tolerance;

        public int GetHashCode((double Low, double High) pair) => 0;
    }
}
