using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class GradientDifferenceTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(), 1);
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(5, 23, 3);
    private readonly List<TrainingProgress> reports = [];

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(OptimizerKind.Sgd)]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Lion)]
    public void ItIsThePlainLoop(OptimizerKind kind)
    {
        OptimizerOptions optimizer = TestModels.Optimizer(kind, 0.01, warmupSteps: 3);
        using LlamaModel plain = model.Clone();
        PlainUnlearning.GradientDifference(plain, plain.Names, forget, retain, 0.3, 4, optimizer);

        UnlearningOutcome outcome = Run(Options(0.3, 4, 5, optimizer));

        Assert.Equal(4, outcome.Steps);
        Assert.Empty(outcome.Rounds);
        Assert.InRange(TestModels.Distance(plain, model), 0, 1e-9);
    }

    [Fact]
    public void WithoutRetainWeightItIsGradientAscent()
    {
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.Sgd, 0.01);
        using LlamaModel ascent = model.Clone();
        PlainUnlearning.Descend(ascent, ascent.Names, 3, optimizer, () => -Losses.MeanNll(ascent, new PackedBatch(forget)));

        Run(Options(0, 3, 5, optimizer));

        Assert.InRange(TestModels.Distance(ascent, model), 0, 1e-10);
        Assert.True(reports[2].ForgetNll > reports[1].ForgetNll && reports[1].ForgetNll > reports[0].ForgetNll);
    }

    [Fact]
    public void EveryForgetExampleStandsOnceAnEpochBesideRetainExamplesInACycle()
    {
        // A rate so small that no weight moves: the losses then tell which examples a step took.
        double[] forgetNll = [.. forget.Select(MeanNll)], retainNll = [.. retain.Take(3).Select(MeanNll)];

        Run(Options(1, 2, 1, TestModels.Optimizer(OptimizerKind.Sgd, 1e-300)), retain[..3]);

        int[] forgotten = [.. reports.Select(report => Nearest(forgetNll, report.ForgetNll!.Value))], retained = [.. reports.Select(report => Nearest(retainNll, report.RetainNll!.Value))];
        Assert.Equal(10, reports.Count);
        Assert.Equal([0, 1, 2, 3, 4], forgotten[..5].Order());
        Assert.Equal([0, 1, 2, 3, 4], forgotten[5..].Order());
        Assert.NotEqual(forgotten[..5], forgotten[5..]);
        Assert.Equal([0, 1, 2], retained[..3].Order());
        Assert.All(Enumerable.Range(3, 7), i => Assert.Equal(retained[i - 3], retained[i]));
        Assert.All(reports, report => Assert.Equal(report.RetainNll!.Value - report.ForgetNll!.Value, report.Loss, 1e-10));
    }

    [Theory]
    [InlineData(2, 2, 6)] // 5 examples in batches of 2: 3 steps an epoch
    [InlineData(3, 5, 3)]
    [InlineData(1, 50, 1)]
    public void StepsAreThoseCounted(int epochs, int batchSize, int steps)
    {
        GradientDifferenceOptions options = Options(0.5, epochs, batchSize, TestModels.Optimizer(OptimizerKind.Lion, 1e-3));

        Assert.Equal(steps, Run(options).Steps);
        Assert.Equal(steps, new GradientDifference(options).CountSteps(forget.Length, retain.Length));
        Assert.Equal(Enumerable.Range(1, steps), reports.Select(report => report.Step));
        Assert.All(reports, report => Assert.Equal(("unlearn", steps), (report.Stage, report.TotalSteps)));
    }

    [Fact]
    public void EqualSeedsGiveEqualBitsAndOthersDoNot()
    {
        LlamaModel After(ulong seed)
        {
            LlamaModel copy = model.Clone();
            new GradientDifference(Options(0.5, 2, 2, TestModels.Optimizer(OptimizerKind.Sgd, 0.01))).Run(Context(copy, retain) with { Random = new SeededRandom(seed) });
            return copy;
        }

        using LlamaModel one = After(1), same = After(1), other = After(2);
        Assert.Empty(TestModels.Changed(one, same));
        Assert.NotEmpty(TestModels.Changed(one, other));
    }

    [Fact]
    public void DivergenceNamesTheStepAndGoesBackToBeforeTheUpdateThatBrokeTheModel()
    {
        // The first and only update of the first pass breaks the model; the second pass finds out.
        using LlamaModel start = model.Clone();

        HybridException error = Assert.Throws<HybridException>(() => Run(Options(0.5, 3, 5, TestModels.Optimizer(OptimizerKind.Sgd, 1e120))));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Contains("step 2 of 3", error.Message, StringComparison.Ordinal);
        Assert.Empty(TestModels.Changed(start, model));
    }

    [Fact]
    public void DivergenceKeepsThePassesBefore()
    {
        using LlamaModel start = model.Clone();
        using LlamaModel reached = model.Clone();
        new GradientDifference(Options(0.5, 1, 5, TestModels.Optimizer(OptimizerKind.Sgd, 0.01))).Run(Context(reached, retain));
        Assert.NotEmpty(TestModels.Changed(start, reached));
        int passes = 0;
        var progress = new SynchronousProgress<TrainingProgress>(report =>
        {
            if (++passes == 2)
            {
                TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]); // as an exploded update would leave it
            }
        });

        Assert.Throws<HybridException>(() => new GradientDifference(Options(0.5, 3, 5, TestModels.Optimizer(OptimizerKind.Sgd, 0.01))).Run(Context(model, retain) with { Progress = progress }));

        Assert.Empty(TestModels.Changed(reached, model));
    }

    [Fact]
    public void CancellationStopsBetweenSteps()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        var progress = new SynchronousProgress<TrainingProgress>(_ =>
        {
            if (++steps == 2)
            {
                source.Cancel();
            }
        });

        Assert.Throws<OperationCanceledException>(() => new GradientDifference(Options(0.5, 9, 2, TestModels.Optimizer(OptimizerKind.Sgd, 0.01)))
            .Run(Context(model, retain) with { Progress = progress, Cancellation = source.Token }));

        Assert.Equal(2, steps);
        Assert.All(model.Names, name => Assert.All(model[name].ToDoubles(), value => Assert.True(double.IsFinite(value))));
    }

    [Fact]
    public void AnEmptySetIsAnError()
    {
        GradientDifferenceOptions options = Options(0.5, 1, 2, TestModels.Optimizer(OptimizerKind.Sgd, 0.01));

        HybridException noForget = Assert.Throws<HybridException>(() => new GradientDifference(options).Run(Context(model, retain) with { Forget = [] }));
        HybridException noRetain = Assert.Throws<HybridException>(() => new GradientDifference(options).Run(Context(model, [])));

        Assert.Equal((ErrorKind.EmptySplit, ErrorKind.EmptySplit), (noForget.Kind, noRetain.Kind));
        Assert.Equal(3, new GradientDifference(options with { RetainCoefficient = 0 }).Run(Context(model, [])).Steps); // nothing to retain is asked for
    }

    [Theory]
    [InlineData(-0.1, 1, 1, "retain coefficient")]
    [InlineData(double.NaN, 1, 1, "retain coefficient")]
    [InlineData(1, 0, 1, "epochs")]
    [InlineData(1, 1, 0, "batch size")]
    public void OptionsWithoutMeaningAreNamed(double alpha, int epochs, int batchSize, string named) =>
        Assert.Contains(named, Assert.Single(Options(alpha, epochs, batchSize, TestModels.Optimizer(OptimizerKind.Sgd, 0.01)).Validate()), StringComparison.Ordinal);

    private static GradientDifferenceOptions Options(double alpha, int epochs, int batchSize, OptimizerOptions optimizer) =>
        new() { RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer };

    private static int Nearest(double[] values, double value)
    {
        int nearest = Enumerable.Range(0, values.Length).MinBy(i => Math.Abs(values[i] - value));
        Assert.Equal(values[nearest], value, 1e-10);
        return nearest;
    }

    private double MeanNll(TokenSequence sequence) => TestModels.Value(() => Losses.MeanNll(model, new PackedBatch([sequence])));

    private UnlearningOutcome Run(GradientDifferenceOptions options, TokenSequence[]? retained = null) =>
        new GradientDifference(options).Run(Context(model, retained ?? retain));

    private UnlearningContext Context(LlamaModel changed, TokenSequence[] retained) => new()
    {
        Model = changed,
        Forget = forget,
        Retain = retained,
        Random = new SeededRandom(7),
        Progress = new SynchronousProgress<TrainingProgress>(reports.Add),
    };
}
