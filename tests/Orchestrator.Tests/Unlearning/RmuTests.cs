using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class RmuTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 5), 1);
    private readonly LlamaModel start;
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(7, 23, 3);
    private readonly List<TrainingProgress> reports = [];

    public RmuTests() => start = model.Clone();

    public void Dispose()
    {
        model.Dispose();
        start.Dispose();
    }

    [Theory]
    [InlineData(4, new[] { 2, 3, 4 })]
    [InlineData(2, new[] { 0, 1, 2 })]
    [InlineData(1, new[] { 0, 1 })] // there is no layer −1
    [InlineData(0, new[] { 0 })]
    public void ExactlyTheOutputMatricesBelowTheLayerChange(int layer, int[] trained)
    {
        Run(Options() with { Layer = layer });

        Assert.Equal(trained.Select(index => ParameterNames.Layer(index, "mlp.down_proj")), TestModels.Changed(start, model));
    }

    [Fact]
    public void NoLayerAboveIsComputed()
    {
        using LlamaModel broken = start.Clone();
        foreach (string name in TestModels.LayerNames(3, 5))
        {
            TestModels.Set(broken, name, [.. Enumerable.Repeat(double.NaN, (int)broken[name].Count)]);
        }

        Run(Options() with { Layer = 2 });
        new Rmu(Options() with { Layer = 2 }).Run(Context(broken));

        Assert.All(TestModels.LayerNames(0, 3), name => Assert.Equal(0, model[name].CountDifferent(broken[name])));
    }

    [Theory]
    [InlineData(0L, 0L)]
    [InlineData(1500L, 0L)]
    [InlineData(1500L, 1500L)]
    [InlineData(0L, long.MaxValue)]
    public void WhatIsKeptDoesNotChangeTheBits(long memory, long file)
    {
        using LlamaModel kept = start.Clone();
        new Rmu(Options() with { Epochs = 3 }).Run(Context(kept));

        Run(Options() with { Epochs = 3, PrefixMemoryBytes = memory, PrefixFileBytes = file });

        Assert.Empty(TestModels.Changed(kept, model));
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(1500L)]
    [InlineData(long.MaxValue)]
    public void RetainStatesAreComparedWithASecondModels(long memory)
    {
        // The first step finds the retain states where they were; at the second the model has moved, and the original is a second model here.
        RmuOptions options = Options() with { BatchSize = 5, PrefixMemoryBytes = memory };
        using LlamaModel moved = start.Clone();
        new Rmu(options with { Epochs = 1 }).Run(Context(moved) with { Retain = retain[..5] });
        reports.Clear();

        new Rmu(options with { Epochs = 2 }).Run(Context(model) with { Retain = retain[..5] });

        double[] target = Losses.SteeringTarget(Rmu.Direction(new SeededRandom(7), 8), 6.5);
        double Steering(LlamaModel of) => TestModels.Value(() => Losses.MeanSquaredError(Hidden(of, forget), Tensor.From<double>(target)));
        double kept = TestModels.Value(() => Losses.MeanSquaredError(Hidden(moved, retain[..5]), Hidden(start, retain[..5])));
        Assert.True(kept > 1e-6);
        Assert.Equal(Steering(start), reports[0].Loss, 1e-10);
        Assert.Equal(Steering(moved) + (12 * kept), reports[1].Loss, 1e-10);
        Assert.All(reports, report => Assert.Equal((null, null), (report.ForgetNll, report.RetainNll)));
    }

    [Fact]
    public void TheTargetIsOfTheGivenLengthAndPointsIntoThePositive()
    {
        double[] target = Losses.SteeringTarget(Rmu.Direction(new SeededRandom(7), 64), 6.5);

        Assert.Equal(6.5, Math.Sqrt(target.Sum(x => x * x)), 1e-12);
        Assert.All(target, value => Assert.True(value >= 0));
        Assert.NotEqual(target, Losses.SteeringTarget(Rmu.Direction(new SeededRandom(8), 64), 6.5));
    }

    [Fact]
    public void ForgetStatesMoveToTheTarget()
    {
        Run(Options() with { Epochs = 30, Optimizer = TestModels.Optimizer(OptimizerKind.AdamW, 0.01), RetainCoefficient = 0 });

        Assert.True(reports[^1].Loss < 0.8 * reports[0].Loss, $"{reports[0].Loss} to {reports[^1].Loss}");
    }

    [Fact]
    public void ALayerThatIsNotThereIsAnError()
    {
        HybridException error = Assert.Throws<HybridException>(() => Run(Options() with { Layer = 5 }));

        Assert.Equal(ErrorKind.BlockPlan, error.Kind);
        Assert.Equal("rmu: there is no layer 5 to steer; the model has layers 0 to 4", error.Message);
    }

    [Fact]
    public void ACancelledRunLeavesItsOwnMatricesInTheModel()
    {
        using var source = new CancellationTokenSource();
        var progress = new SynchronousProgress<TrainingProgress>(report =>
        {
            if (report.Step == 1)
            {
                source.Cancel();
            }
        });
        using LlamaModel oneStep = start.Clone();
        new Rmu(Options() with { Epochs = 1, BatchSize = 5 }).Run(Context(oneStep));

        Assert.Throws<OperationCanceledException>(() => new Rmu(Options() with { BatchSize = 5 }).Run(Context(model) with { Progress = progress, Cancellation = source.Token }));

        Assert.Empty(TestModels.Changed(oneStep, model));
    }

    [Fact]
    public void OptionsWithoutMeaningAreNamed()
    {
        Assert.Equal(["layer -1 must not be negative"], (Options() with { Layer = -1 }).Validate());
        Assert.Equal(["steering coefficient 0 must be positive"], (Options() with { SteeringCoefficient = 0 }).Validate());
        Assert.Equal(["prefix memory -1 must not be negative", "prefix file -2 must not be negative"], (Options() with { PrefixMemoryBytes = -1, PrefixFileBytes = -2 }).Validate());
    }

    private static Tensor Hidden(LlamaModel of, TokenSequence[] sequences)
    {
        var batch = new PackedBatch(sequences);
        return of.RunLayers(of.Embed(batch), batch, 0, 4);
    }

    private static RmuOptions Options() => new()
    {
        Layer = 3,
        SteeringCoefficient = 6.5,
        RetainCoefficient = 12,
        Epochs = 2,
        BatchSize = 2,
        Optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.01),
        PrefixMemoryBytes = long.MaxValue,
        PrefixFileBytes = 0,
    };

    private void Run(RmuOptions options) => new Rmu(options).Run(Context(model));

    private UnlearningContext Context(LlamaModel changed) => new()
    {
        Model = changed,
        Forget = forget,
        Retain = retain,
        Random = new SeededRandom(7),
        Progress = new SynchronousProgress<TrainingProgress>(reports.Add),
    };
}
