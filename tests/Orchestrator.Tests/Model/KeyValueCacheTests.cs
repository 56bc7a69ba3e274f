using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class KeyValueCacheTests : IDisposable
{
    private static readonly long[] Text = [.. Enumerable.Range(0, 40).Select(i => (long)((7 * i * i) + (3 * i)) % 23)];

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 3), 5);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(ElementType.Float64, 1e-12)]
    [InlineData(ElementType.Float32, 1e-4)]
    [InlineData(ElementType.BFloat16, 0.1)]
    public void PiecesOfSequencesGiveTheLogitsOfWholeSequences(ElementType type, double tolerance)
    {
        using LlamaModel typed = model.Clone(type, Device.Cpu);
        using var cache = new KeyValueCache(typed, 2);
        (int First, int Second)[] pieces = [(5, 1), (1, 1), (1, 3), (20, 1)]; // lengths 27 and 6: the capacity grows twice

        double[][] logits = [.. pieces.Select(piece => Continue(typed, cache, Next(cache, 0, piece.First), Next(cache, 1, piece.Second)))];

        Assert.Equal([27, 6], cache.Lengths);
        Assert.Equal(32, cache.Capacity);
        double[] first = Whole(typed, 27), second = Whole(typed, 6);
        int a = 0, b = 0;
        foreach (((int m, int n), double[] rows) in pieces.Zip(logits))
        {
            double[] expected = [.. first[(23 * a)..(23 * (a + m))], .. second[(23 * b)..(23 * (b + n))]];
            TestModels.AssertClose(expected, rows, tolerance);
            (a, b) = (a + m, b + n);
        }
    }

    [Fact]
    public void SequencesAreKeptRepeatedAndDropped()
    {
        using var cache = new KeyValueCache(model, 3);
        Continue(model, cache, Text[..4], Text[10..12], Text[20..25]);

        using KeyValueCache taken = cache.Take(2, 0, 2);
        cache.Keep(1);

        Assert.Equal((1, 3), (cache.Count, taken.Count));
        Assert.Equal([5, 4, 5], taken.Lengths);
        Assert.Equal([2], cache.Lengths);
        TestModels.AssertClose(Last([.. Text[10..12], 9]), Continue(model, cache, [9]), 1e-12);
        TestModels.AssertClose([.. Last([.. Text[20..25], 1]), .. Last([.. Text[..4], 2]), .. Last([.. Text[20..25], 3])], Continue(model, taken, [1], [2], [3]), 1e-12);
    }

    [Fact]
    public void SequencesGoOnFromWhereTheyWereCut()
    {
        using var cache = new KeyValueCache(model, 2);
        Continue(model, cache, Text[..9], Text[10..12]);

        cache.Truncate(5);

        Assert.Equal([5, 2], cache.Lengths);
        TestModels.AssertClose([.. Last([.. Text[..5], 1]), .. Last([.. Text[10..12], 2])], Continue(model, cache, [1], [2]), 1e-12);
        cache.Truncate(0);
        TestModels.AssertClose([.. Last([3]), .. Last([4])], Continue(model, cache, [3], [4]), 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Truncate(-1));
    }

    [Fact]
    public void PositionsBeyondTheModelsAreAnErrorAndChangeNothing()
    {
        using var cache = new KeyValueCache(model, 1);
        Continue(model, cache, [.. Text, .. Text[..23]]); // 63 of 64

        HybridException error = Assert.Throws<HybridException>(() => Continue(model, cache, [1, 2]));

        Assert.Equal((ErrorKind.Config, "a text of 65 tokens is longer than the model's 64 positions"), (error.Kind, error.Message));
        Assert.Equal([63], cache.Lengths);
        TestModels.AssertClose(Last([.. Text, .. Text[..23], 1]), Continue(model, cache, [1]), 1e-12);
        Assert.Equal(64, cache.Capacity);
    }

    [Fact]
    public void NothingIsRecordedAlthoughTheModelIsTrainable()
    {
        model.SetTrainable(model.Names);
        using TensorScope scope = TensorScope.Begin();
        using var cache = new KeyValueCache(model, 1);

        Assert.False(model.Continue(new PackedBatch([new TokenSequence(Text[..3], [])]), cache).RequiresGrad);
    }

    [Fact]
    public void SequencesThatAreNotThereAreErrors()
    {
        using var cache = new KeyValueCache(model, 2);

        Assert.Throws<ArgumentException>(() => Continue(model, cache, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Keep(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Keep(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Take());
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyValueCache(model, 0));
        Assert.Equal([0, 0], cache.Lengths);
    }

    private static long[] Next(KeyValueCache cache, int sequence, int count) => Text[(int)cache.Lengths[sequence]..((int)cache.Lengths[sequence] + count)];

    private static double[] Continue(LlamaModel model, KeyValueCache cache, params long[][] sequences)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        return model.Logits(model.Continue(new PackedBatch([.. sequences.Select(ids => new TokenSequence(ids, []))]), cache)).ToDoubles();
    }

    private static double[] Whole(LlamaModel model, int length) => TestModels.Logits(model, new TokenSequence(Text[..length], []));

    private double[] Last(long[] ids) => TestModels.Logits(model, new TokenSequence(ids, []))[^23..];
}
