using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

public sealed class MergeTableTests
{
    [Theory]
    [InlineData(new[] { 1, 2, 3 }, new[] { 12, 3 })] // 1+2 ranks before 2+3
    [InlineData(new[] { 1, 1, 1 }, new[] { 11, 1 })] // the leftmost of equals
    [InlineData(new[] { 1, 1, 1, 1, 1 }, new[] { 1111, 1 })]
    [InlineData(new[] { 2, 3, 2 }, new[] { 23, 2 })]
    [InlineData(new[] { 9, 8 }, new[] { 9, 8 })]
    [InlineData(new[] { 1 }, new[] { 1 })]
    [InlineData(new int[0], new int[0])]
    public void MergesTheLowestRankFirst(int[] ids, int[] expected)
    {
        MergeTable table = Table((1, 2, 12), (2, 3, 23), (1, 1, 11), (11, 11, 1111));

        Assert.Equal(expected, ids[..table.Apply(ids)]);
    }

    [Fact]
    public void TheHeapAgreesWithTheScan()
    {
        MergeTable table = Table((0, 1, 3), (2, 2, 4), (3, 0, 5), (1, 1, 6), (3, 3, 7), (0, 0, 8), (8, 8, 9), (4, 3, 10), (7, 7, 11), (1, 2, 12));

        Prop.ForAll(
            Arb.From(Gen.Choose(0, 2).ListOf().Select(list => list.ToArray())),
            ids =>
            {
                int[] scanned = [.. ids];
                int[] heaped = [.. ids];
                return scanned[..table.ApplyByScan(scanned)].SequenceEqual(heaped[..table.ApplyByHeap(heaped)]);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(200));
    }

    [Fact]
    public void APairIsAddedOnce()
    {
        MergeTable table = Table((1, 2, 12));

        Assert.False(table.TryAdd(1, 2, 13));
        Assert.True(table.TryAdd(2, 1, 21));
    }

    private static MergeTable Table(params (int Left, int Right, int Id)[] merges)
    {
        MergeTable table = new(merges.Length);
        foreach ((int left, int right, int id) in merges)
        {
            Assert.True(table.TryAdd(left, right, id));
        }

        return table;
    }
}
