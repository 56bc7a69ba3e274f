using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class FrozenPrefixTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 4), 1);
    private readonly TokenSequence[] sequences = TestModels.Sequences(6, 23, 2);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(0L, 0L)]
    [InlineData(1000L, 0L)] // some fit
    [InlineData(1000L, 1000L)]
    [InlineData(0L, long.MaxValue)]
    [InlineData(long.MaxValue, 0L)]
    public void StatesAreThoseOfTheLayersBelow(long memory, long file)
    {
        using var prefix = Prefix(memory, file);
        prefix.Expect([3, 0, 1]);
        (int Layer, int[] Draw)[] requests = [(3, [0, 1, 2]), (3, [2, 3]), (0, [1, 4]), (1, [1, 4, 0]), (2, [5, 1, 5]), (3, [0, 1, 2, 3, 4, 5]), (4, [2])];
        foreach ((int layer, int[] draw) in requests)
        {
            TokenSequence[] batch = [.. draw.Select(i => sequences[i])];
            var packed = new PackedBatch(batch);
            using TensorScope scope = TensorScope.Begin();

            double[] expected = model.RunLayers(model.Embed(packed), packed, 0, layer).ToDoubles();

            TestModels.AssertClose(expected, prefix.States(batch, layer).ToDoubles(), 1e-12, $"layer {layer}: {string.Join(", ", draw)}");
        }
    }

    [Theory]
    [InlineData(long.MaxValue, 0L)]
    [InlineData(0L, long.MaxValue)]
    public void WhatIsKeptIsNotComputedAgain(long memory, long file)
    {
        using var keeping = Prefix(memory, file);
        using var forgetting = Prefix(0, 0);
        using TensorScope scope = TensorScope.Begin();
        double[] before = keeping.States(sequences, 2).ToDoubles();
        Assert.NotEmpty(forgetting.States(sequences, 2).ToDoubles());

        // Were the layers not frozen, a prefix that keeps would not notice: that it does not shows that it keeps.
        TestModels.Set(model, ParameterNames.Layer(0, "mlp.down_proj"), new double[96]);

        Assert.Equal(before, keeping.States(sequences, 2).ToDoubles());
        Assert.NotEqual(before, forgetting.States(sequences, 2).ToDoubles());
    }

    [Fact]
    public void OnePassServesEveryExpectedLayer()
    {
        using var prefix = Prefix(long.MaxValue, 0);
        prefix.Expect([1, 3]);
        using TensorScope scope = TensorScope.Begin();
        var packed = new PackedBatch(sequences);
        double[] first = model.RunLayers(model.Embed(packed), packed, 0, 1).ToDoubles();
        prefix.States(sequences, 3);

        // Layer 1's input was kept on the way up; from there layer 2's is computed with layer 1 alone.
        TestModels.Set(model, ParameterNames.Layer(0, "mlp.down_proj"), new double[96]);

        Assert.Equal(first, prefix.States(sequences, 1).ToDoubles());
        Assert.Equal(model.RunLayers(prefix.States(sequences, 1), packed, 1, 2).ToDoubles(), prefix.States(sequences, 2).ToDoubles());
    }

    [Fact]
    public void MemoryAndFileAreBounded()
    {
        // Rows of 8 float64: the bounds take the first sequence and the second exactly, and no other.
        long first = sequences[0].Ids.Length * 64, second = sequences[1].Ids.Length * 64;
        using var store = new HiddenStateStore(first, second);
        using var prefix = new FrozenPrefix(model, store);
        long before = Runtime.LiveHandles;
        using (TensorScope.Begin())
        {
            prefix.States(sequences[..2], 2);
            prefix.States(sequences, 2);
        }

        Assert.Equal(before + 1, Runtime.LiveHandles);
        Assert.Equal(second, store.BytesInFile);
        Assert.Equal([true, true, false, false, false, false], sequences.Select(sequence => store.Has(sequence, 2)));
    }

    [Fact]
    public void AnElementTypeWithoutAClrTypeSpillsToo()
    {
        using var store = new HiddenStateStore(0, long.MaxValue);
        using TensorScope scope = TensorScope.Begin();
        Tensor states = Tensor.From<double>([1, -2.5, 3e5, 0.1], [2, 2], Device.Cpu).To(ElementType.BFloat16, Device.Cpu);

        store.Keep(sequences[0], 1, states);

        Tensor found = store.Find(sequences[0], 1)!;
        Assert.Equal(ElementType.BFloat16, found.ElementType);
        Assert.Equal([2L, 2L], found.Shape);
        Assert.Equal(states.ToDoubles(), found.ToDoubles());
        Assert.Null(store.Find(sequences[0], 2));
        Assert.Null(store.Find(sequences[1], 1));
    }

    [Fact]
    public void TheFileIsGoneFromTheFolderAtOnce()
    {
        string[] before = Directory.GetFiles(Path.GetTempPath(), "hybrid-states-*");
        using var file = new SpillFile();
        byte[] bytes = [1, 2, 3, 4, 5], read = new byte[3];

        Assert.Equal(0, file.Append(bytes));
        Assert.Equal(5, file.Append(bytes));
        file.Read(6, read);

        Assert.Equal([2, 3, 4], read);
        Assert.Equal(before, Directory.GetFiles(Path.GetTempPath(), "hybrid-states-*"));
        HybridException error = Assert.Throws<HybridException>(() => file.Read(8, read));
        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.Contains("hybrid-states-", error.Message);
    }

    [Fact]
    public void NoGradientReachesBelow()
    {
        model.SetTrainable(model.Names);
        using var prefix = Prefix(long.MaxValue, 0);
        using TensorScope scope = TensorScope.Begin();

        Assert.False(prefix.States(sequences, 1).RequiresGrad);
        Assert.False(prefix.States(sequences, 1).RequiresGrad);
        Assert.False(prefix.States(sequences, 0).RequiresGrad);
    }

    private FrozenPrefix Prefix(long memory, long file) => new(model, new HiddenStateStore(memory, file));
}
