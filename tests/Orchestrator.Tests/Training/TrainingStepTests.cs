using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Training;

[LeakLedger]
public sealed class TrainingStepTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(), 1);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(OptimizerKind.Lion)]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Sgd)]
    public void WeightsFollowTheRule(OptimizerKind kind)
    {
        OptimizerOptions options = TestModels.Optimizer(kind, 0.03, warmupSteps: 3, weightDecay: 0.2);
        using LlamaModel before = model.Clone();
        model.SetTrainable([ParameterNames.FinalNorm]);
        using var step = new TrainingStep(model, options, new SeededRandom(1));
        var plain = new PlainOptimizer(options);
        double[] weights = before[ParameterNames.FinalNorm].ToDoubles();
        double[] scales = [3, 1, 0.5, -2, 1e-3, -1e-3, 0, 7];
        for (int i = 1; i <= 8; i++)
        {
            // Loss Σ s w², whose gradient 2 s w is different at every step.
            TrainingProgress progress = step.Run("toy", 8, () => new ForgetRetainLoss((Tensor.From<double>(scales) * model[ParameterNames.FinalNorm].Square()).Sum(), null, null));
            Assert.Equal(weights.Zip(scales, (w, s) => s * w * w).Sum(), progress.Loss, 1e-12);
            Assert.Equal((i, i, 8, "toy"), (step.Count, progress.Step, progress.TotalSteps, progress.Stage));

            plain.NextStep();
            plain.Update("w", weights, [.. weights.Zip(scales, (w, s) => 2 * s * w)]);
            TestModels.AssertClose(weights, model[ParameterNames.FinalNorm].ToDoubles(), 1e-12, $"step {i}");
        }

        Assert.Equal([ParameterNames.FinalNorm], TestModels.Changed(before, model));
    }

    [Fact]
    public void ARateRisesLinearlyAndStays()
    {
        OptimizerOptions options = TestModels.Optimizer(OptimizerKind.Sgd, 0.8, warmupSteps: 4);

        Assert.Equal([0.2, 0.4, 0.6, 0.8, 0.8, 0.8], Enumerable.Range(1, 6).Select(step => Math.Round(options.RateAt(step), 14)));
        Assert.Equal(0.8, (options with { WarmupSteps = 0 }).RateAt(1));
        Assert.Equal(0.8, (options with { WarmupSteps = 1 }).RateAt(1));
    }

    [Theory]
    [InlineData(0.0, 24, 0.0, "learning rate")]
    [InlineData(-1.0, 24, 0.0, "learning rate")]
    [InlineData(double.NaN, 24, 0.0, "learning rate")]
    [InlineData(double.PositiveInfinity, 24, 0.0, "learning rate")]
    [InlineData(1e-7, -1, 0.0, "warm-up")]
    [InlineData(1e-7, 24, -0.1, "weight decay")]
    [InlineData(1e-7, 24, double.NaN, "weight decay")]
    public void OptionsWithoutMeaningAreNamed(double rate, int warmup, double decay, string named)
    {
        string problem = Assert.Single(TestModels.Optimizer(OptimizerKind.Lion, rate, warmup, decay).Validate());

        Assert.Contains(named, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void ALossThatIsNoNumberStopsTrainingBeforeItsUpdate(double factor)
    {
        model.SetTrainable(model.Names);
        using var step = new TrainingStep(model, TestModels.Optimizer(OptimizerKind.Lion, 0.01), new SeededRandom(1));
        ForgetRetainLoss Loss(double scale) => new(model[ParameterNames.FinalNorm].Sum().Affine(scale, 0), null, null);
        step.Run("unlearn", 10, () => Loss(1));
        step.Run("unlearn", 10, () => Loss(1));
        using LlamaModel before = model.Clone();

        HybridException error = Assert.Throws<HybridException>(() => step.Run("unlearn", 10, () => Loss(factor)));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Contains("unlearn", error.Message, StringComparison.Ordinal);
        Assert.Contains("step 3 of 10", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, step.Count);
        Assert.Empty(TestModels.Changed(before, model));
    }

    [Fact]
    public void PartsOfALossAreReported()
    {
        model.SetTrainable([ParameterNames.FinalNorm]);
        using var step = new TrainingStep(model, TestModels.Optimizer(OptimizerKind.Sgd, 0.01), new SeededRandom(1));

        TrainingProgress progress = step.Run("s", 1, () =>
        {
            Tensor sum = model[ParameterNames.FinalNorm].Sum();
            return new ForgetRetainLoss(sum, sum.Affine(0, 4), sum.Affine(0, 5));
        });

        Assert.Equal((4.0, 5.0), (progress.ForgetNll, progress.RetainNll));
    }

    [Fact]
    public void TheLastGoodStateComesBackBitForBit()
    {
        string[] trainable = TestModels.LayerNames(1, 2);
        using LlamaModel start = model.Clone();
        model.SetTrainable(trainable);
        using var state = new LastGoodState(model);
        foreach (string name in trainable)
        {
            TestModels.Set(model, name, [.. model[name].ToDoubles().Select(_ => double.NaN)]);
        }

        Assert.Equal(trainable.Order(), TestModels.Changed(start, model).Order());
        state.Restore();
        Assert.Empty(TestModels.Changed(start, model));

        TestModels.Set(model, trainable[0], [.. model[trainable[0]].ToDoubles().Select(value => 2 * value)]);
        using LlamaModel later = model.Clone();
        state.Update();
        TestModels.Set(model, trainable[0], [.. model[trainable[0]].ToDoubles().Select(_ => 0.0)]);
        state.Restore();
        Assert.Empty(TestModels.Changed(later, model));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void EqualSeedsTrainToEqualBits(int threads)
    {
        LlamaConfig config = TestModels.Config(hidden: 64, vocabulary: 300);
        byte[] Train()
        {
            using LlamaModel trained = TestModels.Make(config, 3, ElementType.Float32);
            trained.SetTrainable(trained.Names);
            using var step = new TrainingStep(trained, TestModels.Optimizer(OptimizerKind.AdamW, 1e-3), new SeededRandom(1));
            var random = new SeededRandom(4);
            for (int i = 0; i < 4; i++)
            {
                var batch = new PackedBatch([.. Enumerable.Range(0, 8).Select(_ => new TokenSequence(Enumerable.Range(0, 40).Select(_ => (long)random.NextInt(300)).ToArray(), 1))]);
                step.Run("train", 4, () => new ForgetRetainLoss(Losses.MeanNll(trained, batch), null, null));
            }

            return [.. trained.Names.SelectMany(name => trained[name].ToArray<float>()).SelectMany(BitConverter.GetBytes)];
        }

        int before = Runtime.Threads;
        try
        {
            Runtime.Threads = threads;
            Assert.Equal(Train(), Train());
        }
        finally
        {
            Runtime.Threads = before;
        }
    }
}
