using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

/// <summary>A model over parameters that another library owns, as of a TorchSharp module (docs/torchsharp.md).</summary>
[LeakLedger]
public sealed class ForeignParametersTests : IDisposable
{
    private readonly LlamaConfig config = TestModels.Config(layers: 3);
    private readonly TokenSequence[] examples = TestModels.Sequences(5, 23, 2);
    private readonly LlamaModel plain;
    private readonly Dictionary<string, ForeignTensor> theirs;

    public ForeignParametersTests()
    {
        plain = TestModels.Make(config, 1);
        theirs = plain.Names.ToDictionary(name => name, name => ForeignTensor.Make(plain[name].ToDoubles(), plain[name].Shape, requiresGrad: name != ParameterNames.Embedding));
    }

    public void Dispose()
    {
        plain.Dispose();
        foreach (ForeignTensor tensor in theirs.Values)
        {
            tensor.Dispose();
        }
    }

    [Fact]
    public void DensityIsThatOfTheSameModelLoadedHereAndChangesNothing()
    {
        using (LlamaModel shared = Share())
        {
            Assert.Equal(KnowledgeDensity.Measure(plain, examples, false, 2), KnowledgeDensity.Measure(shared, examples, false, 2));
            Assert.Empty(TestModels.Changed(plain, shared));
            Assert.All(theirs, parameter => Assert.Equal(parameter.Value.Address, shared[parameter.Key].Address));
        }

        Assert.All(theirs, parameter => Assert.Equal(parameter.Key != ParameterNames.Embedding, parameter.Value.RequiresGrad));
        Assert.All(theirs.Values, tensor => Assert.Equal(1, tensor.UseCount)); // nothing of ours holds them any more
    }

    [Fact]
    public void AGraftedBlockIsInTheForeignModel()
    {
        using LlamaModel shared = Share(), other = TestModels.Make(config, 3);
        using LlamaModel expected = plain.Clone(), otherBefore = other.Clone();
        string[] block = TestModels.LayerNames(1, 2);
        foreach (string name in block)
        {
            expected[name].CopyFrom(other[name]);
        }

        Graft.Exchange([.. block.Select(name => shared[name])], [.. block.Select(name => other[name])]);

        Assert.All(theirs, parameter => Assert.Equal(expected[parameter.Key].ToDoubles(), parameter.Value.Read()));
        Assert.All(block, name => Assert.Equal(plain[name].ToDoubles(), other[name].ToDoubles()));
        Assert.All(block, name => Assert.True(theirs[name].RequiresGrad));
        Assert.Equal(KnowledgeDensity.Measure(expected, examples, false, 2), KnowledgeDensity.Measure(shared, examples, false, 2));

        Graft.Exchange([.. block.Select(name => shared[name])], [.. block.Select(name => other[name])]);
        Assert.All(theirs, parameter => Assert.Equal(plain[parameter.Key].ToDoubles(), parameter.Value.Read()));
        Assert.Empty(TestModels.Changed(otherBefore, other));
    }

    [Fact]
    public void TrainingMovesTheForeignParametersWhereTheyLie()
    {
        using LlamaModel shared = Share();
        string[] trained = TestModels.LayerNames(0, 1);
        ulong[] places = [.. trained.Select(name => theirs[name].Address)];
        foreach (LlamaModel model in new[] { plain, shared })
        {
            model.SetTrainable(trained);
            using var step = new TrainingStep(model, new OptimizerOptions { Kind = OptimizerKind.Sgd, LearningRate = 0.1, WarmupSteps = 0, WeightDecay = 0 }, new SeededRandom(1));
            step.Run("step", 1, () => new ForgetRetainLoss(Losses.MeanNll(model, new PackedBatch(examples)), null, null));
        }

        Assert.Equal(places, trained.Select(name => theirs[name].Address));
        Assert.All(theirs, parameter => Assert.Equal(plain[parameter.Key].ToDoubles(), parameter.Value.Read()));
        Assert.All(theirs, parameter => Assert.Equal(trained.Contains(parameter.Key), parameter.Value.RequiresGrad)); // what SetTrainable is documented to do
    }

    [Fact]
    public void TheForeignSideMayEndFirst()
    {
        using LlamaModel shared = Share();
        foreach (ForeignTensor tensor in theirs.Values)
        {
            tensor.Dispose();
        }

        Assert.Equal(KnowledgeDensity.Measure(plain, examples, false, 2), KnowledgeDensity.Measure(shared, examples, false, 2));
    }

    [Fact]
    public void AMissingParameterIsNamed()
    {
        KeyValuePair<string, Tensor>[] some = [.. theirs.Skip(1).Select(parameter => KeyValuePair.Create(parameter.Key, Tensor.FromAtTensor(parameter.Value.Pointer)))];

        HybridException error = Assert.Throws<HybridException>(() => new LlamaModel(config, some));

        Assert.Contains(theirs.Keys.First(), error.Message, StringComparison.Ordinal);
        foreach (KeyValuePair<string, Tensor> parameter in some)
        {
            parameter.Value.Dispose(); // a constructor that throws has taken nothing over
        }
    }

    private LlamaModel Share() => new(config, theirs.Select(parameter => KeyValuePair.Create(parameter.Key, Tensor.FromAtTensor(parameter.Value.Pointer))));
}
