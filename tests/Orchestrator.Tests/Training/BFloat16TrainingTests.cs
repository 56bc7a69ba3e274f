using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Training;

/// <summary>Training of bfloat16 weights: master copies make it follow float32, and float16 is refused.</summary>
[LeakLedger]
public sealed class BFloat16TrainingTests
{
    [Theory]
    [InlineData(OptimizerKind.Lion, 5e-4)] // less than the spacing of most bfloat16 weights: without master copies they would not move
    [InlineData(OptimizerKind.AdamW, 1e-3)]
    [InlineData(OptimizerKind.Sgd, 0.03)]
    public void TheLossFollowsFloat32(OptimizerKind kind, double rate)
    {
        double[] wide = Losses(ElementType.Float32, kind, rate), narrow = Losses(ElementType.BFloat16, kind, rate);

        Assert.True(wide[^1] < 0.9 * wide[0], $"nothing was learned: {wide[0]} to {wide[^1]}");
        for (int step = 0; step < wide.Length; step++)
        {
            Assert.InRange(narrow[step], wide[step] - 0.03, wide[step] + 0.03);
        }
    }

    [Fact]
    public void Float16IsRefused()
    {
        using LlamaModel model = Model(ElementType.Float16);
        model.SetTrainable(model.Names);

        HybridException error = Assert.Throws<HybridException>(() => new TrainingStep(model, TestModels.Optimizer(OptimizerKind.Lion, 1e-3, 0), new SeededRandom(1)));

        Assert.Equal(ErrorKind.UnsupportedModel, error.Kind);
        Assert.Contains("bfloat16", error.Message);
    }

    private static double[] Losses(ElementType type, OptimizerKind kind, double rate)
    {
        using LlamaModel model = Model(type);
        model.SetTrainable(model.Names);
        using var step = new TrainingStep(model, TestModels.Optimizer(kind, rate, 0), new SeededRandom(1));
        var batch = new PackedBatch(TestModels.Sequences(8, 23, 4));
        return [.. Enumerable.Range(0, 40).Select(_ => step.Run("learn", 40, () => new ForgetRetainLoss(Orchestrator.Training.Losses.MeanNll(model, batch), null, null)).Loss)];
    }

    private static LlamaModel Model(ElementType type)
    {
        using LlamaModel source = TestModels.Make(TestModels.Config(layers: 2), 3);
        return source.Clone(type, Device.Cpu);
    }
}
