using Hybrid.Orchestrator.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

public sealed class TokenSequenceTests
{
    [Theory]
    [InlineData(0, new[] { 1, 2, 3 })]
    [InlineData(1, new[] { 1, 2, 3 })]
    [InlineData(3, new[] { 3 })]
    [InlineData(4, new int[0])]
    public void EverythingFromAPositionOnIsScoredButNeverTheFirstToken(int firstScored, int[] expected) =>
        Assert.Equal(expected, new TokenSequence(new long[] { 5, 6, 7, 8 }, firstScored).ScoredPositions);

    [Fact]
    public void ASequenceNeedsAToken()
    {
        Assert.Throws<ArgumentException>(() => new TokenSequence(Array.Empty<long>(), 0));
        Assert.Empty(new TokenSequence(new long[] { 5 }, 0).ScoredPositions);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(-1)]
    [InlineData(1, 9, 3)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public void ScoredPositionsRiseAndHaveAPredictor(params int[] positions) =>
        Assert.Throws<ArgumentException>(() => new TokenSequence(new long[] { 5, 6, 7, 8 }, positions));

    [Fact]
    public void APackedBatchLaysSequencesEndToEnd()
    {
        var batch = new PackedBatch([new(new long[] { 10, 11, 12 }, 1), new(new long[] { 20 }, 0), new(new long[] { 30, 31, 32, 33 }, [1, 3])]);

        Assert.Equal(3, batch.Count);
        Assert.Equal([10, 11, 12, 20, 30, 31, 32, 33], batch.Ids.ToArray());
        Assert.Equal([0, 3, 4, 8], batch.Offsets.ToArray());
        Assert.Equal([0, 1, 4, 6], batch.PredictorRows);
        Assert.Equal([11, 12, 31, 33], batch.Targets);
        Assert.Equal([0, 2, 2, 4], batch.ScoredOffsets);
        Assert.Equal([2, 3, 7], batch.LastRows());
    }

    [Fact]
    public void APackedBatchNeedsASequence() => Assert.Throws<ArgumentException>(() => new PackedBatch([]));
}
