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
        Prop.ForAll((from given in Cases from draws in Gen.ListOf(Gen.Choose(0, given.Count)) select (given, draws)).ToArbitrary(), input =>
        {
            var order = new CyclicOrder(input.given.Count, new SeededRandom(input.given.Seed));
            int before = 0;
            var drawn = new List<int[]>();
            foreach (int size in input.draws)
            {
                drawn.Add(order.Take(before, size));
                before += size;
            }

            int[] uses = [.. Enumerable.Range(0, input.given.Count).Select(example => drawn.Sum(draw => draw.Count(i => i == example)))];
            return uses.Max() - uses.Min() <= 1 && drawn.Zip(input.draws).All(pair => pair.First.Length == pair.Second && pair.First.Distinct().Count() == pair.First.Length);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void ADrawOfMoreThanThereAreIsAllOfThem() => Assert.Equal([0, 1, 2], new CyclicOrder(3, new SeededRandom(1)).Take(7, 5).Order());

    [Fact]
    public void TheCycleIsAlwaysTheSame()
    {
        var order = new CyclicOrder(7, new SeededRandom(5));
        int[] first = order.Take(0, 7);

        Assert.Equal(Enumerable.Range(0, 7), first.Order());
        Assert.NotEqual(Enumerable.Range(0, 7), first);
        Assert.Equal(first, order.Take(7, 3).Concat(order.Take(10, 4)));
        Assert.Equal(first[5..].Concat(first[..2]), order.Take(5, 4));
    }

    [Fact]
    public void NothingIsDrawnFromNothing() => Assert.Empty(new CyclicOrder(0, new SeededRandom(1)).Take(3, 4));
}
