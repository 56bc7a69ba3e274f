using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

public sealed class BlockPlanTests
{
    [Fact]
    public void ThePapersCut()
    {
        BlockPlan plan = BlockPlan.Cut(32, 8);

        Assert.Equal((32, 8, 4, 0), (plan.Layers, plan.Blocks, plan.LayersPerBlock, plan.LeftOver));
        Assert.Equal([(0, 4), (4, 8), (8, 12), (12, 16), (16, 20), (20, 24), (24, 28), (28, 32)], Enumerable.Range(0, 8).Select(plan.LayersOf));
    }

    [Fact]
    public void LayersLeftOverStandAtTheOutputEnd()
    {
        BlockPlan plan = BlockPlan.Cut(11, 3);

        Assert.Equal((3, 2), (plan.LayersPerBlock, plan.LeftOver));
        Assert.Equal([(0, 3), (3, 6), (6, 9)], Enumerable.Range(0, 3).Select(plan.LayersOf));
    }

    [Theory]
    [InlineData(4, 5)]
    [InlineData(4, 0)]
    [InlineData(4, -1)]
    [InlineData(0, 1)]
    public void ACutIntoMoreBlocksThanLayersOrNoneIsAnError(int layers, int blocks)
    {
        HybridException error = Assert.Throws<HybridException>(() => BlockPlan.Cut(layers, blocks));

        Assert.Equal(ErrorKind.BlockPlan, error.Kind);
        Assert.Contains($"{layers} layers cannot be cut into {blocks} blocks", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(8)]
    public void ThereIsNoOtherBlock(int block) => Assert.Throws<ArgumentOutOfRangeException>(() => BlockPlan.Cut(32, 8).LayersOf(block));

    [Fact]
    public void BlocksAreEqualAndFollowOneAnother() =>
        Prop.ForAll((from layers in Gen.Choose(1, 100) from blocks in Gen.Choose(1, layers) select (layers, blocks)).ToArbitrary(), given =>
        {
            BlockPlan plan = BlockPlan.Cut(given.layers, given.blocks);
            int[] covered = [.. Enumerable.Range(0, plan.Blocks).Select(plan.LayersOf).SelectMany(block => Enumerable.Range(block.First, block.End - block.First))];
            return covered.SequenceEqual(Enumerable.Range(0, given.layers - plan.LeftOver))
                && plan.LeftOver >= 0 && plan.LeftOver < given.blocks
                && covered.Length == plan.Blocks * plan.LayersPerBlock;
        }).QuickCheckThrowOnFailure();
}
