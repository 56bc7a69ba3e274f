using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class ModelDiffTests : IDisposable
{
    private static readonly Tokenizer Bytes = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);

    private readonly TemporaryFolder folder = new();

    private string A => folder.File("a");

    private string B => folder.File("b");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TheNumbersAreThoseWorkedByHand()
    {
        string inputNorm = ParameterNames.Layer(1, "input_layernorm"), postNorm = ParameterNames.Layer(1, "post_attention_layernorm");
        using LlamaModel a = Small(), b = Small();
        TestModels.Set(a, inputNorm, [3, 4, 0, 0, 0, 0, 0, 0]);
        TestModels.Set(b, inputNorm, [3, 4, 1, 0, 0, 0, -2, 0]);
        TestModels.Set(a, postNorm, [1, 1, 1, 1, 1, 1, 1, 1]);
        TestModels.Set(b, postNorm, [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 0.5]);
        TestModels.Set(a, ParameterNames.FinalNorm, [0, 0, 0, 0, 0, 0, 0, 0]);
        TestModels.Set(b, ParameterNames.FinalNorm, [-0.0, 0, 0, 0, 0, 0, 0, 0]);

        ModelDiff diff = Compare(a, b);

        Assert.Equal([inputNorm, postNorm, ParameterNames.FinalNorm], diff.Tensors.Where(tensor => tensor.Difference.Changed > 0).Select(tensor => tensor.Name));
        AssertNumbers(Of(diff, inputNorm), 8, 2, 2, 3 / 8.0, Math.Sqrt(5) / 5);
        AssertNumbers(Of(diff, postNorm), 8, 8, 0.5, 0.5, 0.5);
        AssertNumbers(Of(diff, ParameterNames.FinalNorm), 8, 1, 0, 0, 0); // other bits, the same value
        Assert.Equal(["embedding", "layer 0", "layer 1", "norm", "head"], diff.Parts.Select(part => part.Part));
        double squares = a.Names.Where(name => ParameterNames.LayerOf(name) == 1).Sum(name => a[name].ToDoubles().Sum(x => x * x));
        AssertNumbers(diff.Parts[2].Difference, 496, 10, 2, 7 / 496.0, Math.Sqrt(7 / squares));
        AssertNumbers(diff.Total, a.Config.ParameterCount, 11, 2, 7.0 / a.Config.ParameterCount, Math.Sqrt(7 / a.Names.Sum(name => a[name].ToDoubles().Sum(x => x * x))));
        Assert.Equal(0, diff.Parts[1].Difference.Changed);
        Assert.False(diff.Identical);
        Assert.Empty(diff.Config);
        Assert.Empty(diff.Mismatches);
    }

    [Fact]
    public void WithNothingToCompareWithAChangeIsInfinite()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor zeros = Tensor.From<float>([0, 0]), ones = Tensor.From<float>([1, 1]), broken = Tensor.From<float>([1, float.NaN]);

        Assert.Equal(double.PositiveInfinity, TensorDifference.Between(zeros, ones).RelativeL2);
        Assert.Equal((0, 0, 0), (TensorDifference.None.ShareChanged, TensorDifference.None.MeanAbsolute, TensorDifference.None.RelativeL2));
        TensorDifference difference = TensorDifference.Between(ones, broken).Plus(TensorDifference.Between(zeros, ones));
        Assert.True(double.IsNaN(difference.MaximumAbsolute) && double.IsNaN(difference.MeanAbsolute) && double.IsNaN(difference.RelativeL2));
        Assert.Equal(3, difference.Changed);
    }

    [Fact]
    public void LargeTensorsAreSummedInParts()
    {
        using TensorScope scope = TensorScope.Begin();
        const int Count = (1 << 22) + 5;
        byte[] a = new byte[Count], b = new byte[Count];
        (a[0], b[0]) = (2, 5);
        (a[^1], b[^1]) = (4, 0);

        TensorDifference difference = TensorDifference.Between(Tensor.From<byte>(a), Tensor.From<byte>(b));

        AssertNumbers(difference, Count, 2, 4, 7.0 / Count, 5 / Math.Sqrt(20));
    }

    [Fact]
    public void OtherElementTypesAreComparedByValue()
    {
        using LlamaModel a = Small(), narrow = a.Clone(ElementType.BFloat16, Device.Cpu), wide = narrow.Clone(ElementType.Float32, Device.Cpu);

        ModelDiff rounded = Compare(a, narrow), same = Compare(narrow, wide);

        string name = ParameterNames.Layer(0, "mlp.up_proj");
        double[] before = a[name].ToDoubles(), after = narrow[name].ToDoubles();
        Assert.Equal(before.Zip(after).Count(pair => pair.First != pair.Second), Of(rounded, name).Changed);
        Assert.Equal(before.Zip(after).Max(pair => Math.Abs(pair.First - pair.Second)), Of(rounded, name).MaximumAbsolute);
        Assert.All(rounded.Tensors, tensor => Assert.Equal((ElementType.Float32, ElementType.BFloat16), (tensor.TypeA, tensor.TypeB)));
        Assert.Equal((0, false), (same.Total.Changed, same.Identical));
    }

    [Fact]
    public void ShardsAndOneFileAreIdentical()
    {
        using LlamaModel model = Small();
        ModelFolder.Save(A, model, Bytes);
        ModelFolder.Save(B, model, Bytes, shardBytes: 1000);

        var diff = ModelDiff.Compare(A, B);

        Assert.True(diff.Identical);
        Assert.Equal(model.Names, diff.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(model.Config.ParameterCount, diff.Total.Elements);
    }

    [Fact]
    public void AReinsertedBlockIsAllThatKUnBRChanges()
    {
        // Five layers in two blocks of two, layer 4 left over: the head strategy re-inserts layers 2 and 3.
        using LlamaModel model = TestModels.Make(TestModels.Config(layers: 5, vocabulary: 258), 1, ElementType.Float32), start = model.Clone();
        var options = new KUnBROptions
        {
            PreUnlearning = new() { RetainCoefficient = 0.3, Epochs = 1, BatchSize = 5, Optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.01) },
            Blocks = 2,
            SelectedBlocks = 1,
            Strategy = BlockStrategy.Head,
            IgnoreHeadLayers = 1,
            EpochsPerBlock = 1,
            Rounds = 1,
            Reestimate = DensityReestimate.EachRound,
            MlpOnly = false,
            PrefixMemoryBytes = long.MaxValue,
            PrefixFileBytes = 0,
            Reinsert = true,
            PreUnlearn = false,
        };
        new KUnBR(options).Run(new UnlearningContext { Model = model, Forget = TestModels.Sequences(5, 258, 2), Retain = TestModels.Sequences(5, 258, 3), Random = new SeededRandom(7) });

        ModelDiff diff = Compare(start, model);

        Assert.Equal(TestModels.LayerNames(2, 4), diff.Tensors.Where(tensor => tensor.Difference.Changed > 0).Select(tensor => tensor.Name));
        Assert.Equal(["layer 2", "layer 3"], diff.Parts.Where(part => part.Difference.Changed > 0).Select(part => part.Part));
        Assert.Equal(ChangedShare.Between(start, model), diff.Total.ShareChanged);
    }

    [Fact]
    public void WhatCannotBeComparedIsListed()
    {
        using LlamaModel a = Small(), b = TestModels.Make(a.Config with { Layers = 1, IntermediateSize = 16, TiedEmbeddings = true, RopeTheta = 50 }, 1, ElementType.Float32);

        ModelDiff diff = Compare(a, b);

        Assert.Equal(
            ["intermediate_size 12 16", "num_hidden_layers 2 1", "rope_theta 100 50", "tie_word_embeddings false true"],
            diff.Config.Select(field => $"{field.Field} {field.A} {field.B}"));
        Assert.Equal(3 + 9 + 1, diff.Mismatches.Count);
        Assert.Contains(new TensorMismatch(ParameterNames.Layer(0, "mlp.down_proj"), $"[8, 12] in {A}, [8, 16] in {B}"), diff.Mismatches);
        Assert.Contains(new TensorMismatch(ParameterNames.Head, $"only in {A}"), diff.Mismatches);
        Assert.Equal(1 + 6 + 1, diff.Tensors.Count); // embedding, what layer 0 has in the same shape, norm
    }

    [Fact]
    public void RopeScalingThatOnlyOneHasIsAbsentInTheOther()
    {
        using LlamaModel a = Small(), b = TestModels.Make(a.Config with { RopeScaling = new RopeScaling(8, 1, 4, 64) }, 1, ElementType.Float32);

        ModelDiff diff = Compare(a, b);

        ConfigDifference field = Assert.Single(diff.Config);
        Assert.Equal(("rope_scaling", "absent"), (field.Field, field.A));
        Assert.Contains("\"factor\":8", field.B, StringComparison.Ordinal);
        Assert.Equal((0, false), (diff.Total.Changed, diff.Identical));
    }

    [Fact]
    public void TheLayerOfANameIsRead()
    {
        Assert.Equal(31, ParameterNames.LayerOf(ParameterNames.Layer(31, "mlp.up_proj")));
        Assert.All(["model.layers.x.w", "model.layers.", "model.layers.-1.w", "lm_head.weight", "model.layers"], name => Assert.Null(ParameterNames.LayerOf(name)));
    }

    private static LlamaModel Small() => TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32);

    private static TensorDifference Of(ModelDiff diff, string name) => Assert.Single(diff.Tensors, tensor => tensor.Name == name).Difference;

    private static void AssertNumbers(TensorDifference difference, long elements, long changed, double maximum, double mean, double relative)
    {
        Assert.Equal((elements, changed, maximum), (difference.Elements, difference.Changed, difference.MaximumAbsolute));
        Assert.Equal((double)changed / elements, difference.ShareChanged);
        Assert.Equal(mean, difference.MeanAbsolute, 1e-12);
        Assert.Equal(relative, difference.RelativeL2, 1e-12);
    }

    private ModelDiff Compare(LlamaModel a, LlamaModel b)
    {
        ModelFolder.Save(A, a, Bytes);
        ModelFolder.Save(B, b, Bytes);
        return ModelDiff.Compare(A, B);
    }
}
