using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class KUnBRTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 5), 1);
    private readonly LlamaModel start;
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(5, 23, 3);
    private readonly List<TrainingProgress> reports = [];

    public KUnBRTests() => start = model.Clone();

    public void Dispose()
    {
        model.Dispose();
        start.Dispose();
    }

    [Theory]
    [InlineData(OptimizerKind.Sgd, 0L, 0L)]
    [InlineData(OptimizerKind.Sgd, 1500L, 0L)]
    [InlineData(OptimizerKind.Sgd, 1500L, 1500L)]
    [InlineData(OptimizerKind.Sgd, 0L, long.MaxValue)]
    [InlineData(OptimizerKind.Sgd, long.MaxValue, 0L)]
    [InlineData(OptimizerKind.AdamW, 0L, 0L)]
    [InlineData(OptimizerKind.AdamW, long.MaxValue, 0L)]
    [InlineData(OptimizerKind.Lion, 1500L, long.MaxValue)]
    public void ItIsThePlainAlgorithmWhateverIsKept(OptimizerKind kind, long memory, long file)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(kind, 0.005, warmupSteps: 2);
        using LlamaModel plain = model.Clone();
        PlainUnlearning.KUnBR(plain, forget, retain, 0.3, preSteps: 2, chosen: 3, blockSteps: 3, rounds: 2, optimizer);
        KUnBROptions options = Options() with
        {
            PreUnlearning = Difference(2, 5, optimizer),
            Blocks = 5,
            SelectedBlocks = 3,
            IgnoreHeadLayers = 0,
            EpochsPerBlock = 3,
            Rounds = 2,
            PrefixMemoryBytes = memory,
            PrefixFileBytes = file,
        };

        UnlearningOutcome outcome = Run(options);

        Assert.Equal(2 + (2 * 3 * 3), outcome.Steps);
        Assert.InRange(TestModels.Distance(plain, model), 0, 1e-9);
        Assert.True(TestModels.Distance(start, model) > 1e-3);
    }

    [Theory]
    [InlineData(BlockStrategy.Density)]
    [InlineData(BlockStrategy.Head)]
    [InlineData(BlockStrategy.Bottom)]
    [InlineData(BlockStrategy.Average)]
    [InlineData(BlockStrategy.Sequential)]
    public void OnlyChosenBlocksChange(BlockStrategy strategy)
    {
        // Five layers in two blocks of two; layer 4 is left over.
        KUnBROptions options = Options() with { Strategy = strategy, PreUnlearn = false };

        UnlearningOutcome outcome = Run(options);

        int block = Assert.Single(Assert.Single(outcome.Rounds).Blocks);
        Assert.Equal(strategy == BlockStrategy.Head ? 1 : strategy == BlockStrategy.Density ? DensestOfTwo() : 0, block);
        Assert.Equal(TestModels.LayerNames(2 * block, (2 * block) + 2), TestModels.Changed(start, model));
        Assert.Equal(strategy == BlockStrategy.Density ? 5 : 0, outcome.Rounds[0].Density.Count);
        Assert.Equal(new KUnBR(options).CountSteps(5, 5), outcome.Steps);
    }

    [Fact]
    public void ABlockIsTrainedInsideTheOriginalModel()
    {
        // Pre-unlearning moves everything far; what stands around the second block while it trains must not be that.
        KUnBROptions options = Options() with { SelectedBlocks = 2, Strategy = BlockStrategy.Sequential, PreUnlearning = Difference(1, 5, TestModels.Optimizer(OptimizerKind.Sgd, 0.05)) };
        using LlamaModel bench = start.Clone(), pre = start.Clone();
        PlainUnlearning.GradientDifference(pre, pre.Names, forget, retain, 0.3, 1, options.PreUnlearning.Optimizer);
        foreach (string name in TestModels.LayerNames(2, 4))
        {
            bench[name].CopyFrom(pre[name]);
        }

        double expected = TestModels.Value(() => (0.3 * Losses.MeanNll(bench, new PackedBatch(retain))) - Losses.MeanNll(bench, new PackedBatch(forget)));
        Run(options);

        TrainingProgress first = reports.First(report => report.Stage.Contains("layers 2", StringComparison.Ordinal));
        Assert.Equal(expected, first.Loss, 1e-10);
        Assert.True(Math.Abs(expected - reports[0].Loss) > 1e-3);
    }

    [Theory]
    [InlineData(true, true, 2 + (2 * 2 * 3))]
    [InlineData(true, false, 2 * 2 * 3)]
    [InlineData(false, true, 2 + (2 * 2 * 3))]
    [InlineData(false, false, 2 * 2 * 3)]
    public void AblationsRunForAsManySteps(bool reinsert, bool preUnlearn, int epochs)
    {
        // 5 examples in batches of 2: 3 steps an epoch.
        KUnBROptions options = Options() with { Reinsert = reinsert, PreUnlearn = preUnlearn, PreUnlearning = Difference(2, 2), Rounds = 2, SelectedBlocks = 2, EpochsPerBlock = 3, Strategy = BlockStrategy.Bottom };

        UnlearningOutcome outcome = Run(options);

        Assert.Equal(3 * epochs, outcome.Steps);
        Assert.Equal(3 * epochs, new KUnBR(options).CountSteps(forget.Length, retain.Length));
        Assert.Equal(3 * epochs, reports.Count);
        Assert.Equal(reinsert ? 2 : 0, outcome.Rounds.Count);
        Assert.Equal(reinsert && !preUnlearn ? TestModels.LayerNames(0, 4) : start.Names, TestModels.Changed(start, model));
    }

    [Fact]
    public void WithoutReinsertionItIsGradientDifference()
    {
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.01);
        using LlamaModel plain = start.Clone();
        PlainUnlearning.GradientDifference(plain, plain.Names, forget, retain, 0.3, 2 + 6, optimizer);

        Run(Options() with { Reinsert = false, PreUnlearning = Difference(2, 5, optimizer), EpochsPerBlock = 3, Rounds = 2 });

        Assert.InRange(TestModels.Distance(plain, model), 0, 1e-10);
    }

    [Fact]
    public void DensityIsMeasuredOnTheUnlearnedModel()
    {
        using LlamaModel pre = start.Clone();
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.05);
        PlainUnlearning.GradientDifference(pre, pre.Names, forget, retain, 0.3, 2, optimizer);
        double[] expected = KnowledgeDensity.Normalize(KnowledgeDensityTests.Naive(pre, forget, mlpOnly: true));

        UnlearningOutcome outcome = Run(Options() with { PreUnlearning = Difference(2, 5, optimizer), MlpOnly = true });

        TestModels.AssertClose(expected, outcome.Rounds[0].Density, 1e-9, "density");
    }

    [Theory]
    [InlineData(DensityReestimate.Once)]
    [InlineData(DensityReestimate.EachRound)]
    public void DensityIsMeasuredOnceOrEachRound(DensityReestimate reestimate)
    {
        UnlearningOutcome outcome = Run(Options() with { Rounds = 3, Reestimate = reestimate, PreUnlearning = Difference(1, 5, TestModels.Optimizer(OptimizerKind.Sgd, 0.05)) });

        Assert.Equal(3, outcome.Rounds.Count);
        Assert.Equal(reestimate == DensityReestimate.EachRound ? 3 : 1, outcome.Rounds.Select(round => string.Join(' ', round.Density)).Distinct().Count());
        Assert.Equal(reestimate == DensityReestimate.EachRound ? 3 : 1, reports.Count(report => report.Stage == "density"));
        Assert.All(outcome.Rounds, round => Assert.Equal(1, round.Density.Sum(), 1e-12));
    }

    [Fact]
    public void ACancelledGraftGoesBack()
    {
        using var source = new CancellationTokenSource();
        var progress = new SynchronousProgress<TrainingProgress>(report =>
        {
            if (report.Stage.Contains("layers 2", StringComparison.Ordinal) && report.Step == 2)
            {
                source.Cancel();
            }
        });
        KUnBROptions options = Options() with { PreUnlearn = false, Strategy = BlockStrategy.Sequential, SelectedBlocks = 2, EpochsPerBlock = 4 };

        Assert.Throws<OperationCanceledException>(() => new KUnBR(options).Run(Context(model) with { Progress = progress, Cancellation = source.Token }));

        // Both blocks are back with what they had learned; everything else is as it was.
        Assert.Equal(TestModels.LayerNames(0, 4), TestModels.Changed(start, model));
        using LlamaModel twoSteps = start.Clone();
        string[] first = TestModels.LayerNames(0, 2), second = TestModels.LayerNames(2, 4);
        PlainUnlearning.GradientDifference(twoSteps, second, forget, retain, 0.3, 2, options.PreUnlearning.Optimizer);
        Assert.All(second, name => TestModels.AssertClose(twoSteps[name].ToDoubles(), model[name].ToDoubles(), 1e-10, name));
        using LlamaModel fourSteps = start.Clone();
        PlainUnlearning.GradientDifference(fourSteps, first, forget, retain, 0.3, 4, options.PreUnlearning.Optimizer);
        Assert.All(first, name => TestModels.AssertClose(fourSteps[name].ToDoubles(), model[name].ToDoubles(), 1e-10, name));
    }

    [Fact]
    public void ADivergedGraftGoesBackAsItWasBeforeItBroke()
    {
        // The first update breaks the block, the second pass finds out.
        KUnBROptions options = Options() with
        {
            PreUnlearn = false,
            Strategy = BlockStrategy.Sequential,
            SelectedBlocks = 2,
            EpochsPerBlock = 4,
            PreUnlearning = Difference(1, 5, TestModels.Optimizer(OptimizerKind.Sgd, 1e120)),
        };

        HybridException error = Assert.Throws<HybridException>(() => Run(options));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Contains("layers 0–1", error.Message, StringComparison.Ordinal);
        Assert.Contains("step 2 of 4", error.Message, StringComparison.Ordinal);
        Assert.Empty(TestModels.Changed(start, model));
    }

    [Fact]
    public void EqualSeedsGiveEqualBits()
    {
        KUnBROptions options = Options() with { PreUnlearning = Difference(1, 2), Rounds = 2 };
        using LlamaModel again = start.Clone();

        Run(options);
        new KUnBR(options).Run(Context(again));

        Assert.Empty(TestModels.Changed(model, again));
        Assert.NotEmpty(TestModels.Changed(start, again));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void SavingMemoryChangesNoBit(bool originalOnHost, bool checkpointing)
    {
        KUnBROptions options = Options() with { PreUnlearning = Difference(1, 2), SelectedBlocks = 2, IgnoreHeadLayers = 0, Rounds = 2 };
        using LlamaModel other = start.Clone();
        other.ActivationCheckpointing = checkpointing;
        List<double[]> seen = [], expected = [];

        new KUnBR(options).Run(Context(model) with { AfterPass = _ => expected.Add(TestModels.Logits(model, forget)) });
        new KUnBR(options).Run(Context(other) with { OriginalOnHost = originalOnHost, AfterPass = _ => seen.Add(TestModels.Logits(other, forget)) });
        using LlamaModel unwatched = start.Clone();
        new KUnBR(options).Run(Context(unwatched) with { OriginalOnHost = originalOnHost });

        Assert.Empty(TestModels.Changed(model, other));
        Assert.Empty(TestModels.Changed(model, unwatched));
        Assert.Equal(expected, seen);
        Assert.Equal(1 + (2 * 2), seen.Count);
    }

    [Fact]
    public void AnErrorLeavesTheUnlearnedModelWhereItWas()
    {
        using var stop = new CancellationTokenSource();
        KUnBROptions options = Options() with { PreUnlearning = Difference(1, 2) };
        using LlamaModel preUnlearned = start.Clone();
        new GradientDifference(options.PreUnlearning).Run(Context(preUnlearned));
        UnlearningContext context = Context(model) with
        {
            OriginalOnHost = true,
            Cancellation = stop.Token,
            Progress = new SynchronousProgress<TrainingProgress>(report =>
            {
                if (report.Stage.StartsWith("re-insert", StringComparison.Ordinal))
                {
                    stop.Cancel();
                }
            }),
        };

        Assert.Throws<OperationCanceledException>(() => new KUnBR(options).Run(context));

        string[] changed = TestModels.Changed(preUnlearned, model); // one step of one block
        Assert.NotEmpty(changed);
        Assert.All(changed, name => Assert.Contains(ParameterNames.LayerOf(name)!.Value, DensestOfTwo(preUnlearned) == 0 ? (int[])[0, 1] : [2, 3]));
    }

    [Theory]
    [InlineData(6, 1, 0)] // more blocks than layers
    [InlineData(2, 3, 0)] // more chosen than there are
    [InlineData(2, 2, 2)] // the last two layers ignored leave one block
    public void WhatCannotBeChosenIsKnownBeforeAnyTraining(int blocks, int chosen, int ignored)
    {
        HybridException error = Assert.Throws<HybridException>(() => Run(Options() with { Blocks = blocks, SelectedBlocks = chosen, IgnoreHeadLayers = ignored }));

        Assert.Equal(ErrorKind.BlockPlan, error.Kind);
        Assert.Empty(reports);
        Assert.Empty(TestModels.Changed(start, model));
    }

    [Fact]
    public void EveryProblemIsNamedAtOnce()
    {
        KUnBROptions options = Options() with { PreUnlearning = Difference(0, 1), Rounds = 0, IgnoreHeadLayers = -1 };

        string problems = string.Join('\n', options.Validate());

        Assert.Equal(3, options.Validate().Count());
        Assert.Contains("epochs 0", problems, StringComparison.Ordinal);
        Assert.Contains("rounds 0", problems, StringComparison.Ordinal);
        Assert.Contains("ignored head layers -1", problems, StringComparison.Ordinal);
        Assert.Empty(Options().Validate());
    }

    private static GradientDifferenceOptions Difference(int epochs, int batchSize, OptimizerOptions? optimizer = null) =>
        new() { RetainCoefficient = 0.3, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer ?? TestModels.Optimizer(OptimizerKind.Sgd, 0.01) };

    private static KUnBROptions Options() => new()
    {
        PreUnlearning = Difference(1, 5),
        Blocks = 2,
        SelectedBlocks = 1,
        Strategy = BlockStrategy.Density,
        IgnoreHeadLayers = 1,
        EpochsPerBlock = 1,
        Rounds = 1,
        Reestimate = DensityReestimate.EachRound,
        MlpOnly = false,
        PrefixMemoryBytes = long.MaxValue,
        PrefixFileBytes = 0,
        Reinsert = true,
        PreUnlearn = true,
    };

    private int DensestOfTwo() => DensestOfTwo(start);

    private int DensestOfTwo(LlamaModel of)
    {
        double[] density = KnowledgeDensityTests.Naive(of, forget, mlpOnly: false);
        return density[0] + density[1] >= density[2] + density[3] ? 0 : 1;
    }

    private UnlearningOutcome Run(KUnBROptions options) => new KUnBR(options).Run(Context(model));

    private UnlearningContext Context(LlamaModel changed) => new()
    {
        Model = changed,
        Forget = forget,
        Retain = retain,
        Random = new SeededRandom(7),
        Progress = new SynchronousProgress<TrainingProgress>(reports.Add),
    };
}
