using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Hybrid.Orchestrator.Tests;

public sealed class SeededRandomTests
{
    [Fact]
    public void FollowsThePublishedXoshiroSequence()
    {
        // The reference sequence for the state 1, 2, 3, 4, as in the tests of Rust's rand_xoshiro.
        SeededRandom random = new(1, 2, 3, 4);
        ulong[] expected =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360,
            607988272756665600, 16172922978634559625, 8476171486693032832, 10595114339597558777, 2904607092377533576,
        ];

        Assert.Equal(expected, expected.Select(_ => random.NextUInt64()));
    }

    [Fact]
    public void FollowsThePublishedSplitMixSequence()
    {
        ulong state = 1234567;
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];

        Assert.Equal(expected, expected.Select(_ => SeededRandom.SplitMix64(ref state)).ToArray());
    }

    [Fact]
    public void EqualSeedsGiveEqualStreamsAndOthersDoNot()
    {
        Assert.Equal(Draw(new(7)), Draw(new(7)));
        Assert.NotEqual(Draw(new(7)), Draw(new(8)));
    }

    [Fact]
    public void AForkDependsOnSeedAndLabelOnly()
    {
        SeededRandom used = new(7);
        _ = used.NextUInt64();

        Assert.Equal(Draw(new SeededRandom(7).Fork("a")), Draw(used.Fork("a")));
        Assert.NotEqual(Draw(used.Fork("a")), Draw(used.Fork("b")));
        Assert.NotEqual(Draw(used.Fork("a")), Draw(new SeededRandom(8).Fork("a")));
        Assert.NotEqual(Draw(new(7)), Draw(used.Fork("")));
        Assert.NotEqual(Draw(used.Fork("a").Fork("b")), Draw(used.Fork("b").Fork("a")));
    }

    [Fact]
    public void IntegersAreWithinTheBoundAndUniform()
    {
        SeededRandom random = new(11);
        int[] counts = new int[6];
        for (int i = 0; i < 60_000; i++)
        {
            counts[random.NextInt(6)]++;
        }

        // Standard deviation of a count is 91; five of them.
        Assert.All(counts, count => Assert.InRange(count, 9_545, 10_455));
        Assert.Equal(0, random.NextInt(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(0));
    }

    [Fact]
    public void ALargeBoundHasNoBias()
    {
        // At 3·2^29 a plain remainder of 32 bits, or a multiplication without rejection, would favour some thirds by a half.
        SeededRandom random = new(12);
        int[] counts = new int[3];
        for (int i = 0; i < 30_000; i++)
        {
            int drawn = random.NextInt(3 << 29);
            Assert.InRange(drawn, 0, (3 << 29) - 1);
            counts[drawn % 3]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 9_590, 10_410));
    }

    [Fact]
    public void DoublesAndGaussiansHaveTheirMoments()
    {
        SeededRandom random = new(13);
        double[] uniform = [.. Enumerable.Range(0, 40_000).Select(_ => random.NextDouble())];
        double[] normal = [.. Enumerable.Range(0, 40_000).Select(_ => random.NextGaussian())];

        Assert.All(uniform, value => Assert.InRange(value, 0, 1 - double.Epsilon));
        Assert.DoesNotContain(1.0, uniform);
        Assert.Equal(0.5, uniform.Average(), 0.0075);
        Assert.Equal(0.0, normal.Average(), 0.025);
        Assert.Equal(1.0, normal.Average(value => value * value), 0.036);
        Assert.Equal(0.0455, normal.Count(value => Math.Abs(value) > 2) / 40_000.0, 0.0055);
    }

    [Fact]
    public void AShuffleIsAPermutation() =>
        Prop.ForAll(Gen.ListOf(Gen.Choose(0, 9)).ToArbitrary(), items =>
        {
            int[] shuffled = [.. items];
            new SeededRandom(14).Shuffle(shuffled);
            return shuffled.Order().SequenceEqual(items.Order());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void EveryOrderIsEquallyLikely()
    {
        SeededRandom random = new(15);
        Dictionary<string, int> counts = [];
        for (int i = 0; i < 24_000; i++)
        {
            char[] items = ['a', 'b', 'c', 'd'];
            random.Shuffle(items);
            string order = new(items);
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(24, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 845, 1_155));
    }

    private static ulong[] Draw(SeededRandom random) => [.. Enumerable.Range(0, 4).Select(_ => random.NextUInt64())];
}
