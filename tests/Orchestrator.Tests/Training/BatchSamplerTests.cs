using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Training;

public sealed class BatchSamplerTests
{
    private static readonly Gen<(int Count, int Size, ulong Seed)> Cases =
        from count in Gen.Choose(1, 60) from size in Gen.Choose(1, 20) from seed in Gen.Choose(0, 1000) select (count, size, (ulong)seed);

    [Fact]
    public void AnEpochHasEveryExampleOnce() =>
        Prop.ForAll(Cases.ToArbitrary(), given =>
        {
            int[][] batches = [.. BatchSampler.Epoch(given.Count, given.Size, new SeededRandom(given.Seed))];
            return batches.SelectMany(batch => batch).Order().SequenceEqual(Enumerable.Range(0, given.Count))
                && batches.SkipLast(1).All(batch => batch.Length == given.Size)
                && batches[^1].Length is > 0 && batches[^1].Length <= given.Size
                && batches.Length == BatchSampler.StepsPerEpoch(given.Count, given.Size);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void EpochsAreShuffledBySeed()
    {
        int[] Order(SeededRandom random) => [.. BatchSampler.Epoch(40, 7, random).SelectMany(batch => batch)];
        var going = new SeededRandom(1);

        Assert.Equal(Order(new SeededRandom(1)), Order(new SeededRandom(1)));
        Assert.NotEqual(Order(new SeededRandom(1)), Order(new SeededRandom(2)));
        Assert.NotEqual(Order(going), Order(going));
        Assert.NotEqual(Enumerable.Range(0, 40), Order(new SeededRandom(1)));
    }

    [Theory]
    [InlineData(0, 4, 0)]
    [InlineData(1, 4, 1)]
    [InlineData(4, 4, 1)]
    [InlineData(5, 4, 2)]
    [InlineData(785, 4, 197)]
    public void StepsAreCountedWithTheSmallerLastBatch(int count, int size, int steps) => Assert.Equal(steps, BatchSampler.StepsPerEpoch(count, size));

    [Fact]
    public void CyclicDrawsUseEveryExampleEquallyOften() =>
        Prop.ForAll((from given in Cases from draws in Gen.ListOf(Gen.Choose(0, 20)) select (given, draws)).ToArbitrary(), input =>
        {
            var sampler = new CyclicSampler(input.given.Count, new SeededRandom(input.given.Seed));
            int[][] drawn = [.. input.draws.Select(sampler.Take)];
            int[] uses = [.. Enumerable.Range(0, input.given.Count).Select(example => drawn.Sum(draw => draw.Count(i => i == example)))];
            return uses.Max() - uses.Min() <= 1
                && drawn.Zip(input.draws).All(pair => pair.First.Length == Math.Min(pair.Second, input.given.Count) && pair.First.Distinct().Count() == pair.First.Length);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void TheCycleIsAlwaysTheSame()
    {
        var sampler = new CyclicSampler(7, new SeededRandom(5));
        int[] first = sampler.Take(7);

        Assert.Equal(Enumerable.Range(0, 7), first.Order());
        Assert.NotEqual(Enumerable.Range(0, 7), first);
        Assert.Equal(first, sampler.Take(3).Concat(sampler.Take(4)));
    }

    [Fact]
    public void NothingIsDrawnFromNothing() => Assert.Empty(new CyclicSampler(0, new SeededRandom(1)).Take(4));
}
