using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class FrozenPrefixTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 3), 1);
    private readonly TokenSequence[] sequences = TestModels.Sequences(6, 23, 2);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(0, 0L)]
    [InlineData(2, 0L)]
    [InlineData(2, 1000L)] // some fit
    [InlineData(2, long.MaxValue)]
    [InlineData(0, long.MaxValue)]
    public void StatesAreThoseOfTheLayersBelow(int layers, long memory)
    {
        using var prefix = new FrozenPrefix(model, layers, memory);
        int[][] draws = [[0, 1, 2], [2, 3], [1, 4, 0], [5, 5, 5], [0, 1, 2, 3, 4, 5]];
        foreach (int[] draw in draws)
        {
            TokenSequence[] batch = [.. draw.Select(i => sequences[i])];
            var packed = new PackedBatch(batch);
            using TensorScope scope = TensorScope.Begin();

            double[] expected = model.RunLayers(model.Embed(packed), packed, 0, layers).ToDoubles();

            TestModels.AssertClose(expected, prefix.States(batch).ToDoubles(), 1e-12, string.Join(", ", draw));
        }
    }

    [Fact]
    public void WhatIsKeptIsNotComputedAgain()
    {
        using var keeping = new FrozenPrefix(model, 2, long.MaxValue);
        using var forgetting = new FrozenPrefix(model, 2, 0);
        using TensorScope scope = TensorScope.Begin();
        double[] before = keeping.States(sequences).ToDoubles();
        Assert.NotEmpty(forgetting.States(sequences).ToDoubles());

        // Were the layers not frozen, a prefix that keeps would not notice: that it does not shows that it keeps.
        TestModels.Set(model, ParameterNames.Layer(0, "mlp.down_proj"), new double[96]);

        Assert.Equal(before, keeping.States(sequences).ToDoubles());
        Assert.NotEqual(before, forgetting.States(sequences).ToDoubles());
    }

    [Fact]
    public void MemoryIsBounded()
    {
        // Sequences of 3 to 9 tokens of 8 float64: the bound takes the first exactly, and no other.
        using var prefix = new FrozenPrefix(model, 2, sequences[0].Ids.Length * 8 * 8);
        long before = Runtime.LiveHandles;
        using (TensorScope.Begin())
        {
            prefix.States(sequences[..1]);
            prefix.States(sequences);
        }

        Assert.Equal(before + 1, Runtime.LiveHandles);
    }

    [Fact]
    public void NoGradientReachesBelow()
    {
        model.SetTrainable(model.Names);
        using var prefix = new FrozenPrefix(model, 1, long.MaxValue);
        using TensorScope scope = TensorScope.Begin();

        Assert.False(prefix.States(sequences).RequiresGrad);
        Assert.False(prefix.States(sequences).RequiresGrad);
    }
}
