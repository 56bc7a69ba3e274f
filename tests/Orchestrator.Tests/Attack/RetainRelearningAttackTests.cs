using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

[LeakLedger]
public sealed class RetainRelearningAttackTests(TaughtModel taught) : IClassFixture<TaughtModel>
{
    private static readonly RetainRelearningOptions Options = new()
    {
        LearningRates = [1e-4, 1e-3],
        Epochs = 2,
        BatchSize = 5,
        MaximumExamples = 10,
        Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1),
    };

    [Fact]
    public void EveryRateIsTrainedOnTheSameTextsAndAskedAllQuestions()
    {
        using LlamaModel before = taught.Model.Clone();
        var heard = new List<TrainingProgress>();

        RelearningReport report = Run(Options, taught.Data.RetainText, new SynchronousProgress<TrainingProgress>(heard.Add));

        Assert.Empty(TestModels.Changed(before, taught.Model));
        Assert.Equal([(0, 1e-4, 3), (0, 1e-3, 3)], report.Curves.Select(curve => (curve.Fold, curve.LearningRate, curve.Hits.Count)));
        Assert.Equal(new FoldFacts(0, "all", 10, 20, 0), report.Folds.Single());
        Assert.Equal(taught.ForgetAccuracy(taught.Model), report.AccuracyBefore, 1e-12);
        Assert.Equal(2 * 2 * 2, heard.Count); // rates × epochs × steps an epoch
        Assert.Equal(heard[0].Loss, heard[4].Loss); // the same texts in the same order, before any step
        Assert.StartsWith("attack with retain text at 1.0e-4", heard[0].Stage, StringComparison.Ordinal);
        Assert.True(heard[3].Loss < heard[0].Loss);
    }

    [Fact]
    public void OfManyTextsSomeAreDrawnBySeed()
    {
        RetainRelearningOptions two = Options with { MaximumExamples = 2, LearningRates = [1e-4], Epochs = 1 };

        double[] losses = [.. new ulong[] { 1, 1, 2 }.Select(seed =>
        {
            double loss = 0;
            Run(two, taught.Data.RetainText, new SynchronousProgress<TrainingProgress>(step => loss = step.Loss), seed);
            return loss;
        })];

        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0], losses[2]);
    }

    [Fact]
    public void WhatIsTrainedOnComesBack()
    {
        // A control: with the forget questions themselves as "retain text", an untaught model learns them.
        using LlamaModel untaught = ModelInitializer.Create(taught.Model.Config, new SeededRandom(8));
        TextCorpus text = TextCorpus.Of([.. taught.Forget.Select(question => McqPrompt.Make(question, QuestionForm.QuestionLetterAnswer).Target)]);
        RetainRelearningOptions options = Options with { LearningRates = [3e-3], Epochs = 200, MaximumExamples = 20, Optimizer = TestModels.Optimizer(OptimizerKind.AdamW, 1) };

        RelearningReport report = new RetainRelearningAttack(options, taught.Encoder, taught.Evaluator).Run(untaught, text, taught.Forget, new SeededRandom(1));

        Assert.InRange(report.AccuracyBefore, 0, 0.6);
        Assert.InRange(report.Accuracy, 0.9, 1);
    }

    [Fact]
    public void CurvesAreKeptAndWorkersDoNotMatter()
    {
        using var folder = new TemporaryFolder();
        var files = new CurveFiles(folder.Path, new { seed = 1 }, RunJournal.UsualInterval);
        RelearningReport two = new RetainRelearningAttack(Options, taught.Encoder, taught.Evaluator).Run(taught.Model, taught.Data.RetainText, taught.Forget, new SeededRandom(1), 2, files);
        int steps = 0;
        RelearningReport again = new RetainRelearningAttack(Options, taught.Encoder, taught.Evaluator)
            .Run(taught.Model, taught.Data.RetainText, taught.Forget, new SeededRandom(1), 1, files, new SynchronousProgress<TrainingProgress>(_ => steps++));

        Assert.Equal(0, steps);
        Assert.Equal(two.Curves.SelectMany(curve => curve.Hits), again.Curves.SelectMany(curve => curve.Hits));
        Assert.Equal(["fold0-rate1e-3.json", "fold0-rate1e-4.json"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void NoTextIsAnErrorAndProblemsAreNamed()
    {
        Assert.Equal(ErrorKind.EmptySplit, Assert.Throws<HybridException>(() => Run(Options, TextCorpus.Of([]), null)).Kind);
        Assert.Empty(Options.Validate());
        string problems = string.Join('\n', (Options with { LearningRates = [0], MaximumExamples = 0, Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1, warmupSteps: -1) }).Validate());
        Assert.Contains("learning rate 0", problems, StringComparison.Ordinal);
        Assert.Contains("maximum examples 0", problems, StringComparison.Ordinal);
        Assert.Contains("warm-up", problems, StringComparison.Ordinal);
        Assert.Contains("at least one learning rate", (Options with { LearningRates = [] }).Validate().Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void PresetsAreThoseOfRtt()
    {
        foreach (string name in RetainRelearningPresets.Names)
        {
            Assert.Empty(RetainRelearningPresets.Find(name, "years").Validate());
            Assert.Equal(RelearningPresets.Find(name, "random-birthdays").LearningRates, RetainRelearningPresets.Find(name, "random-birthdays").LearningRates);
        }

        Assert.Equal(ErrorKind.Config, Assert.Throws<HybridException>(() => RetainRelearningPresets.Find("huge", "years")).Kind);
    }

    private RelearningReport Run(RetainRelearningOptions options, TextCorpus text, IProgress<TrainingProgress>? progress, ulong seed = 1) =>
        new RetainRelearningAttack(options, taught.Encoder, taught.Evaluator).Run(taught.Model, text, taught.Forget, new SeededRandom(seed), progress: progress);
}
