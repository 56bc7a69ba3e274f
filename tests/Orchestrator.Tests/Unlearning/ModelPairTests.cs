using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

/// <summary>Two models of which one computes at a time.</summary>
[LeakLedger]
public sealed class ModelPairTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(), 1);
    private readonly LlamaModel original;
    private readonly LlamaModel unlearned = TestModels.Make(TestModels.Config(), 2);

    public ModelPairTests() => original = model.Clone();

    public void Dispose()
    {
        model.Dispose();
        original.Dispose();
        unlearned.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EachHoldsWhatItIsCalledWhenItIsItsTurn(bool onHost)
    {
        using (var pair = new ModelPair(model, onHost))
        {
            Overwrite();
            for (int round = 0; round < 2; round++)
            {
                pair.LetOriginalCompute();
                pair.LetOriginalCompute(); // once is enough
                Assert.Empty(TestModels.Changed(original, pair.Original));
                Assert.Empty(TestModels.Changed(unlearned, pair.Unlearned));
                pair.LetUnlearnedCompute();
                Assert.Empty(TestModels.Changed(unlearned, model));
            }

            pair.LetOriginalCompute();
        }

        Assert.Empty(TestModels.Changed(unlearned, model));
    }

    [Fact]
    public void AnExchangeThatFailsHalfwayIsUndone()
    {
        int calls = 0;
        void Fail(Tensor one, Tensor other)
        {
            if (++calls == 7)
            {
                throw new NativeException(NativeStatus.OutOfMemory, "no more");
            }

            Graft.Exchange([one], [other]);
        }

        using (var pair = new ModelPair(model, originalOnHost: true, Fail))
        {
            Overwrite();
            Assert.Throws<NativeException>(pair.LetOriginalCompute);
            Assert.NotEmpty(TestModels.Changed(unlearned, model));
        }

        Assert.Empty(TestModels.Changed(unlearned, model));
        Assert.Equal(7 + 6, calls);
    }

    private void Overwrite()
    {
        foreach (string name in model.Names)
        {
            model[name].CopyFrom(unlearned[name]);
        }
    }
}
