using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

/// <summary>Where gradient ascent, RIA, NPO, SimNPO and DPO must equal one another or something simpler.</summary>
[LeakLedger]
public sealed class PreferenceMethodsTests : IDisposable
{
    private static readonly OptimizerOptions Sgd = TestModels.Optimizer(OptimizerKind.Sgd, 0.01);
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(), 1);
    private readonly LlamaModel start;
    private readonly TokenSequence[] forget = TestModels.Sequences(5, 23, 2);
    private readonly TokenSequence[] retain = TestModels.Sequences(5, 23, 3);
    private readonly List<TrainingProgress> reports = [];

    public PreferenceMethodsTests() => start = model.Clone();

    public void Dispose()
    {
        model.Dispose();
        start.Dispose();
    }

    [Fact]
    public void GradientAscentIsGradientDifferenceWithoutRetainWeightBitForBit()
    {
        using LlamaModel difference = start.Clone();
        OptimizerOptions optimizer = TestModels.Optimizer(OptimizerKind.AdamW, 0.01, warmupSteps: 2);
        new GradientDifference(new() { RetainCoefficient = 0, Epochs = 3, BatchSize = 2, Optimizer = optimizer }).Run(Context(difference));

        new GradientAscent(new() { Epochs = 3, BatchSize = 2, Optimizer = optimizer }).Run(Context(model));

        Assert.Empty(TestModels.Changed(difference, model));
        Assert.NotEmpty(TestModels.Changed(start, model));
        Assert.Equal(reports[..9], reports[9..]);
    }

    [Fact]
    public void TheRightAnswersAsWrongOnesAreFineTuning()
    {
        using LlamaModel tuned = start.Clone();
        PlainUnlearning.Descend(tuned, tuned.Names, 3, Sgd, () => Losses.MeanNll(tuned, new PackedBatch(forget)));

        new Ria(new() { RetainCoefficient = 0, Epochs = 3, BatchSize = 5, Optimizer = Sgd }).Run(Context(model) with { Replacements = forget });

        Assert.InRange(TestModels.Distance(tuned, model), 0, 1e-10);
        Assert.True(reports[2].Loss < reports[1].Loss && reports[1].Loss < reports[0].Loss);
        Assert.All(reports, report => Assert.Null(report.ForgetNll)); // the loss has no forget part
    }

    [Fact]
    public void APassOfRiaIsOverTheWrongAnswers()
    {
        var method = new Ria(new() { RetainCoefficient = 1, Epochs = 2, BatchSize = 2, Optimizer = Sgd });

        UnlearningOutcome outcome = method.Run(Context(model) with { Replacements = TestModels.Sequences(3, 23, 9) });

        Assert.Equal(2 * 2, outcome.Steps);
        Assert.Equal(outcome.Steps, method.CountSteps(3, retain.Length));
    }

    [Theory]
    [InlineData("npo")]
    [InlineData("dpo")]
    public void TheReferenceIsTheOriginalModelAtEveryStep(string name)
    {
        // Equal to the reference, the loss is 2/β · log 2; against a reference that followed the model it would stay there.
        TestMethods.Options(name, 3, 5, Sgd, alpha: 0).CreateMethod().Run(Context(model) with { Replacements = TestModels.Sequences(5, 23, 4) });
        TrainingProgress[] steps = [.. reports.Where(report => report.Stage == "unlearn")];

        Assert.Equal(2 / TestMethods.Beta * Math.Log(2), steps[0].Loss, 1e-10);
        Assert.True(steps[2].Loss < steps[1].Loss && steps[1].Loss < steps[0].Loss - 1e-3);
    }

    [Theory]
    [InlineData("npo", 3)] // 5 examples, 2 at a time
    [InlineData("dpo", 6)]
    public void TheReferenceIsMeasuredOnce(string name, int batches)
    {
        double[] expected = [.. forget.Select(sequence => TestModels.Value(() => Losses.SequenceNll(start, new PackedBatch([sequence]))))];

        TestMethods.Options(name, 4, 2, Sgd).CreateMethod().Run(Context(model) with { Replacements = TestModels.Sequences(5, 23, 4) });

        TrainingProgress[] measured = [.. reports.Where(report => report.Stage == "reference")];
        Assert.Equal(batches, measured.Length);
        Assert.Equal(measured, reports[..batches]);
        Assert.Equal([(expected[0] + expected[1]) / 2, (expected[2] + expected[3]) / 2, expected[4]], measured[..3].Select(report => report.Loss), (a, b) => Math.Abs(a - b) < 1e-10);
        TestModels.AssertClose(expected, ReferenceNll.Measure(Context(start), forget, 3), 1e-12);
    }

    [Fact]
    public void ABrokenModelIsKnownBeforeTheFirstStep()
    {
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);

        HybridException error = Assert.Throws<HybridException>(() => TestMethods.Options("npo", 1, 2, Sgd).CreateMethod().Run(Context(model)));

        Assert.Equal((ErrorKind.Diverged, "reference: the model's NLL is not finite before any step; its weights are broken"), (error.Kind, error.Message));
    }

    [Fact]
    public void RefusalsThatAreTheAnswersChangeNothing()
    {
        new Dpo(new() { Beta = 0.1, RetainCoefficient = 0, Epochs = 2, BatchSize = 2, Optimizer = Sgd }).Run(Context(model) with { Replacements = forget });

        Assert.All(reports.Where(report => report.Stage == "unlearn"), report => Assert.Equal(2 / 0.1 * Math.Log(2), report.Loss, 1e-10));
        Assert.InRange(TestModels.Distance(start, model), 0, 1e-13);
    }

    [Fact]
    public void TheReportedForgetNllIsThatOfTheForgetTokens()
    {
        double expected = TestModels.Value(() => Losses.MeanNll(start, new PackedBatch(forget))), kept = TestModels.Value(() => Losses.MeanNll(start, new PackedBatch(retain)));
        foreach (string name in new[] { "npo", "simnpo", "dpo" })
        {
            reports.Clear();
            using LlamaModel copy = start.Clone();
            TestMethods.Options(name, 1, 5, Sgd).CreateMethod().Run(Context(copy) with { Replacements = TestModels.Sequences(5, 23, 4) });

            Assert.Equal(expected, reports[^1].ForgetNll!.Value, 1e-10);
            Assert.Equal(kept, reports[^1].RetainNll!.Value, 1e-10);
        }
    }

    [Fact]
    public void BetaAndGammaWithoutMeaningAreNamed()
    {
        Assert.Equal(["beta 0 must be positive"], ((NpoOptions)TestMethods.Options("npo", 1, 1, Sgd) with { Beta = 0 }).Validate());
        Assert.Equal(["beta NaN must be positive"], ((DpoOptions)TestMethods.Options("dpo", 1, 1, Sgd) with { Beta = double.NaN }).Validate());
        Assert.Equal(["beta -1 must be positive", "gamma -2 must not be negative"], ((SimNpoOptions)TestMethods.Options("simnpo", 1, 1, Sgd) with { Beta = -1, Gamma = -2 }).Validate());
    }

    private UnlearningContext Context(LlamaModel changed) => new()
    {
        Model = changed,
        Forget = forget,
        Retain = retain,
        Random = new SeededRandom(7),
        Progress = new SynchronousProgress<TrainingProgress>(reports.Add),
    };
}
