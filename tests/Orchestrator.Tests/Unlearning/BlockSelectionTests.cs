using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

public sealed class BlockSelectionTests
{
    private static readonly double[] NoDensity = [];

    [Fact]
    public void ABlocksDensityIsTheSumOfItsLayers()
    {
        double[] blocks = BlockSelection.BlockDensities(BlockPlan.Cut(7, 3), [0.1, 0.2, 0.05, 0.15, 0.25, 0.05, 0.2]);

        Assert.Equal([0.3, 0.2, 0.3], blocks.Select(value => Math.Round(value, 12))); // the seventh layer belongs to no block
    }

    [Fact]
    public void ThePapersSettingDropsTheBlockNearestTheOutput()
    {
        // Appendix D: 32 layers, 8 blocks, 6 chosen, the last 3 layers ignored. Block 7 (layers 28–31) is the densest and is not
        // chosen; of the others the thinnest, block 2, is left.
        double[] block = [0.10, 0.16, 0.02, 0.12, 0.14, 0.08, 0.05, 0.33];
        double[] density = [.. block.SelectMany(value => Enumerable.Repeat(value / 4, 4))];

        Assert.Equal([1, 4, 3, 0, 5, 6], BlockSelection.Choose(BlockPlan.Cut(32, 8), BlockStrategy.Density, 6, 3, density));
    }

    [Theory]
    [InlineData(0, new[] { 0, 1, 2, 3 })]
    [InlineData(1, new[] { 0, 1, 2 })]
    [InlineData(2, new[] { 0, 1, 2 })]
    [InlineData(3, new[] { 0, 1 })]
    [InlineData(8, new int[0])]
    [InlineData(9, new int[0])]
    public void ABlockWithOneIgnoredLayerIsNoCandidate(int ignored, int[] expected)
    {
        Assert.Equal(expected, BlockSelection.Candidates(BlockPlan.Cut(8, 4), BlockStrategy.Density, ignored));
        Assert.Equal([0, 1, 2, 3], BlockSelection.Candidates(BlockPlan.Cut(8, 4), BlockStrategy.Head, ignored));
    }

    [Fact]
    public void LayersLeftOverCountAmongTheIgnored() =>
        // 11 layers in 3 blocks of 3: layers 9 and 10 are in none, so the last 3 layers reach into block 2 only by layer 8.
        Assert.Equal([0, 1], BlockSelection.Candidates(BlockPlan.Cut(11, 3), BlockStrategy.Density, 3));

    [Fact]
    public void OfEqualDensitiesTheBlockNearerTheInputIsFirst()
    {
        Assert.Equal([1, 3, 0, 2], BlockSelection.Choose(BlockPlan.Cut(4, 4), BlockStrategy.Density, 4, 0, [0.2, 0.3, 0.2, 0.3]));
        Assert.Equal([0, 1], BlockSelection.Choose(BlockPlan.Cut(4, 4), BlockStrategy.Density, 2, 0, [0.25, 0.25, 0.25, 0.25]));
    }

    [Theory]
    [InlineData(BlockStrategy.Head, 3, new[] { 7, 6, 5 })]
    [InlineData(BlockStrategy.Bottom, 3, new[] { 0, 1, 2 })]
    [InlineData(BlockStrategy.Sequential, 8, new[] { 0, 1, 2, 3, 4, 5, 6, 7 })]
    [InlineData(BlockStrategy.Average, 2, new[] { 0, 7 })]
    [InlineData(BlockStrategy.Average, 3, new[] { 0, 4, 7 })] // 0, 3.5, 7
    [InlineData(BlockStrategy.Average, 6, new[] { 0, 1, 3, 4, 6, 7 })] // 0, 1.4, 2.8, 4.2, 5.6, 7
    [InlineData(BlockStrategy.Average, 8, new[] { 0, 1, 2, 3, 4, 5, 6, 7 })]
    [InlineData(BlockStrategy.Head, 1, new[] { 7 })]
    [InlineData(BlockStrategy.Bottom, 1, new[] { 0 })]
    [InlineData(BlockStrategy.Average, 1, new[] { 3 })]
    public void OtherStrategiesNeitherDropNorLookAtDensity(BlockStrategy strategy, int count, int[] expected)
    {
        BlockPlan plan = BlockPlan.Cut(32, 8);

        Assert.Equal(expected, BlockSelection.Choose(plan, strategy, count, 3, NoDensity));
        Assert.Equal(expected, BlockSelection.Choose(plan, strategy, count, 3, [.. Enumerable.Range(0, 32).Select(layer => layer / 496.0)]));
    }

    [Fact]
    public void OneBlockIsTheDensest() =>
        Assert.Equal([2], BlockSelection.Choose(BlockPlan.Cut(8, 4), BlockStrategy.Density, 1, 1, [0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.15, 0.15]));

    [Theory]
    [InlineData(BlockStrategy.Density, 8, 3)] // block 7 is ignored
    [InlineData(BlockStrategy.Density, 7, 5)]
    [InlineData(BlockStrategy.Density, 1, 32)]
    [InlineData(BlockStrategy.Density, 0, 3)]
    [InlineData(BlockStrategy.Head, 9, 3)]
    [InlineData(BlockStrategy.Bottom, 0, 3)]
    [InlineData(BlockStrategy.Average, 9, 0)]
    [InlineData(BlockStrategy.Sequential, -1, 0)]
    public void MoreThanThereAreOrNoneIsAnError(BlockStrategy strategy, int count, int ignored)
    {
        HybridException error = Assert.Throws<HybridException>(() => BlockSelection.Choose(BlockPlan.Cut(32, 8), strategy, count, ignored, new double[32]));

        Assert.Equal(ErrorKind.BlockPlan, error.Kind);
        Assert.Contains($"{count} blocks", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AChoiceHasKDifferentCandidates()
    {
        Gen<(int Layers, int Blocks, int Ignored, BlockStrategy Strategy, ulong Seed)> cases =
            from layers in Gen.Choose(1, 40)
            from blocks in Gen.Choose(1, layers)
            from ignored in Gen.Choose(0, 5)
            from strategy in Gen.Elements(Enum.GetValues<BlockStrategy>())
            from seed in Gen.Choose(0, 1000)
            select (layers, blocks, ignored, strategy, (ulong)seed);
        Prop.ForAll(cases.ToArbitrary(), given =>
        {
            BlockPlan plan = BlockPlan.Cut(given.Layers, given.Blocks);
            var random = new SeededRandom(given.Seed);
            double[] density = [.. Enumerable.Range(0, given.Layers).Select(_ => random.NextInt(4) / 4.0)];
            int[] candidates = BlockSelection.Candidates(plan, given.Strategy, given.Ignored);
            double[] blockDensity = BlockSelection.BlockDensities(plan, density);
            return Enumerable.Range(1, candidates.Length).All(count =>
            {
                int[] chosen = BlockSelection.Choose(plan, given.Strategy, count, given.Ignored, density);
                bool densest = given.Strategy != BlockStrategy.Density || (chosen.Zip(chosen.Skip(1)).All(pair => blockDensity[pair.First] >= blockDensity[pair.Second])
                    && candidates.Except(chosen).All(left => blockDensity[left] <= blockDensity[chosen[^1]]));
                return chosen.Length == count && chosen.Distinct().Count() == count && chosen.All(candidates.Contains) && densest;
            });
        }).QuickCheckThrowOnFailure();
    }
}
