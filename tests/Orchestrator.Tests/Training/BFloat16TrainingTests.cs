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

    [Theory]
    [InlineData(OptimizerKind.Lion, 5e-4)]
    [InlineData(OptimizerKind.AdamW, 1e-3)]
    [InlineData(OptimizerKind.Sgd, 0.03)]
    public void StochasticRoundingFollowsFloat32OnAverage(OptimizerKind kind, double rate)
    {
        double[] wide = Losses(ElementType.Float32, kind, rate), narrow = Losses(ElementType.BFloat16, kind, rate, WeightRounding.Stochastic);

        Assert.True(wide[^1] < 0.9 * wide[0], $"nothing was learned: {wide[0]} to {wide[^1]}");
        for (int step = 0; step < wide.Length; step++)
        {
            Assert.InRange(narrow[step], wide[step] - 0.1, wide[step] + 0.1);
        }
    }

    [Fact]
    public void EveryStepDrawsAnew()
    {
        // Steps of a hundredth of the spacing and less: a weight moves with that probability, and after many steps as many have moved as independent draws move.
        const int Steps = 30;
        const double Rate = 2e-5;
        using LlamaModel model = Model(ElementType.BFloat16), start = Model(ElementType.BFloat16);
        model.SetTrainable(model.Names);
        var options = TestModels.Optimizer(OptimizerKind.Lion, Rate) with { Rounding = WeightRounding.Stochastic };
        using var step = new TrainingStep(model, options, new SeededRandom(1));
        var batch = new PackedBatch(TestModels.Sequences(8, 23, 4));
        for (int i = 0; i < Steps; i++)
        {
            step.Run("learn", Steps, () => new ForgetRetainLoss(Orchestrator.Training.Losses.MeanNll(model, batch), null, null));
        }

        string[] matrices = [.. model.Names.Where(name => name.EndsWith("proj.weight", StringComparison.Ordinal))]; // every element has a gradient
        double expected = matrices.Sum(name => start[name].ToDoubles().Sum(weight => 1 - Math.Pow(1 - Math.Min(1, Rate / Spacing(weight)), Steps)));
        Assert.InRange(matrices.Sum(name => model[name].CountDifferent(start[name])), 0.8 * expected, 1.2 * expected);

        static double Spacing(double weight) => Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(weight))) - 7);
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

    private static double[] Losses(ElementType type, OptimizerKind kind, double rate, WeightRounding rounding = WeightRounding.MasterWeights)
    {
        using LlamaModel model = Model(type);
        model.SetTrainable(model.Names);
        using var step = new TrainingStep(model, TestModels.Optimizer(kind, rate, 0) with { Rounding = rounding }, new SeededRandom(1));
        var batch = new PackedBatch(TestModels.Sequences(8, 23, 4));
        return [.. Enumerable.Range(0, 40).Select(_ => step.Run("learn", 40, () => new ForgetRetainLoss(Orchestrator.Training.Losses.MeanNll(model, batch), null, null)).Loss)];
    }

    private static LlamaModel Model(ElementType type)
    {
        using LlamaModel source = TestModels.Make(TestModels.Config(layers: 2), 3);
        return source.Clone(type, Device.Cpu);
    }
}
