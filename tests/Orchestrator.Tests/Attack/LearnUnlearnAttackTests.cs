using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

/// <summary>The whole way on one tiny model: it learns, forgets and is attacked.</summary>
[LeakLedger]
public sealed class LearnUnlearnAttackTests(TaughtModel taught) : IClassFixture<TaughtModel>
{
    [Fact]
    public void TheTaughtModelAnswers()
    {
        Assert.InRange(taught.ForgetAccuracy(taught.Model), 0.9, 1);
        Assert.InRange(taught.RetainAccuracy(taught.Model), 0.9, 1);
    }

    [Theory]
    [InlineData("gd")]
    [InlineData("kunbr")]
    public void UnlearningForgetsAndTheAttackIsMeasured(string name)
    {
        using LlamaModel model = taught.Model.Clone();
        var gd = new GradientDifferenceOptions { RetainCoefficient = 1, Epochs = 14, BatchSize = 4, Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 3e-4, warmupSteps: 5) };
        IUnlearningMethod method = name == "gd" ? new GradientDifference(gd) : new KUnBR(new KUnBROptions
        {
            PreUnlearning = gd with { RetainCoefficient = 0.3, Epochs = 8 },
            Blocks = 3,
            SelectedBlocks = 2,
            Strategy = BlockStrategy.Density,
            IgnoreHeadLayers = 1,
            EpochsPerBlock = 5,
            Rounds = 1,
            Reestimate = DensityReestimate.EachRound,
            MlpOnly = false,
            PrefixMemoryBytes = 1 << 20,
            PrefixFileBytes = 0,
            Reinsert = true,
            PreUnlearn = true,
        });

        method.Run(new UnlearningContext { Model = model, Forget = taught.Encode(taught.Forget), Retain = taught.Encode(taught.Data.RetainQuestions), Random = new SeededRandom(5) });

        double forget = taught.ForgetAccuracy(model), retain = taught.RetainAccuracy(model);
        Assert.InRange(forget, 0, 0.7); // it knew nearly all before
        Assert.InRange(retain, forget + 0.15, 1);

        using LlamaModel before = model.Clone();
        var reports = new List<TrainingProgress>();
        RelearningReport report = Attack([0, 3], [3e-4, 1e-3], epochs: 2).Run(model, taught.Data.ForgetSplits, new SeededRandom(6), new SynchronousProgress<TrainingProgress>(reports.Add));

        Assert.Empty(TestModels.Changed(before, model)); // only a copy was attacked
        Assert.Equal([(0, 3e-4), (0, 1e-3), (3, 3e-4), (3, 1e-3)], report.Curves.Select(curve => (curve.Fold, curve.LearningRate)));
        Assert.All(report.Curves, curve => Assert.Equal(3, curve.Accuracies.Count));
        Assert.All(report.Curves.SelectMany(curve => curve.Accuracies), accuracy => Assert.InRange(accuracy, 0, 1));
        Assert.Equal([(0, "split_0", 16, 4, 0), (3, "split_3", 16, 4, 0)], report.Folds.Select(fold => (fold.Fold, fold.HeldOutSplit, fold.Train, fold.Validation, fold.LeftOut)));
        Assert.Equal(4 * 2 * 4, reports.Count); // curves × epochs × steps an epoch
        Assert.InRange(report.Accuracy, report.LastEpochAccuracy, 1);
        Assert.Equal(report.Accuracy - report.Curves.Average(curve => curve.Accuracies[0]), report.Recovery, 1e-12);

        // Before any step a fold's accuracy is the unlearned model's on the held-out split.
        foreach (RelearningCurve curve in report.Curves)
        {
            Assert.Equal(taught.Evaluator.Evaluate(model, taught.Data.ForgetSplits[curve.Fold].Questions).Accuracy, curve.Accuracies[0], 1e-12);
        }
    }

    [Fact]
    public void TheAttackTeachesT()
    {
        // An untaught model attacked on T: the loss must fall far, and each curve starts from the same untaught model.
        using LlamaModel untaught = ModelInitializer.Create(taught.Model.Config, new SeededRandom(8));
        var reports = new List<TrainingProgress>();

        Attack([1], [1e-3], epochs: 6).Run(untaught, taught.Data.ForgetSplits, new SeededRandom(6), new SynchronousProgress<TrainingProgress>(reports.Add));

        Assert.Equal(6 * 4, reports.Count);
        Assert.True(reports[^1].Loss < reports[0].Loss - 1, $"{reports[0].Loss} to {reports[^1].Loss}");
        Assert.All(reports, report => Assert.Equal(("attack split_1 at 1.0e-3", 24), (report.Stage, report.TotalSteps)));
    }

    [Fact]
    public void WhatIsTaughtInTShowsInV()
    {
        // The held-out questions stand in T as well and are kept, so that learning T by heart is answering V.
        using LlamaModel untaught = ModelInitializer.Create(taught.Model.Config, new SeededRandom(8));
        QuestionSplit[] splits = [taught.Data.ForgetSplits[0], taught.Data.ForgetSplits[0] with { Name = "again" }];
        RelearningOptions options = Options([1], [3e-3, 1e-7], 150) with { Form = QuestionForm.Letter, Leaks = LeakPolicy.Keep, Optimizer = TestModels.Optimizer(OptimizerKind.AdamW, 1) };

        // Nobody listens to progress here.
        RelearningReport report = new RelearningAttack(options, taught.Encoder, taught.Evaluator).Run(untaught, splits, new SeededRandom(6));

        Assert.InRange(report.Curves[0].Accuracies[0], 0, 0.75);
        Assert.Equal((1.0, 3e-3), (report.Accuracy, report.BestLearningRate));
        Assert.Equal(report.Curves[0].Accuracies[0], report.Curves[1].Accuracies[^1]); // at the other rate nothing is learned
    }

    [Fact]
    public void EqualSeedsGiveEqualReports()
    {
        RelearningReport one = Attack([2], [1e-3], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6));
        var losses = new List<double>[2];
        for (int i = 0; i < 2; i++)
        {
            var heard = losses[i] = [];
            RelearningReport again = Attack([2], [1e-3], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), new SynchronousProgress<TrainingProgress>(report => heard.Add(report.Loss)));
            Assert.Equal(one.Curves[0].Accuracies, again.Curves[0].Accuracies);
        }

        Assert.Equal(losses[0], losses[1]);
    }

    [Fact]
    public void HitsAreThoseOfVAndTheAttackedModelIsTheOneThatWasAsked()
    {
        RelearningFold fold = RttFolds.Make(taught.Data.ForgetSplits, LeakPolicy.LeaveOut)[2];
        using LlamaModel untaught = ModelInitializer.Create(taught.Model.Config, new SeededRandom(8));
        var job = new RelearningJob(Options([2], [3e-3], 3), taught.Encoder, taught.Evaluator);

        RelearningCurve curve = job.Retrain(untaught, fold, 3e-3, new SeededRandom(6));

        Assert.Equal((2, 3e-3, 4, null), (curve.Fold, curve.LearningRate, curve.Hits.Count, curve.Diverged));
        Assert.Equal(Hits(untaught), curve.Hits[0]);
        foreach (int epoch in new[] { 1, 3 })
        {
            using LlamaModel attacked = job.AttackedModel(untaught, fold, 3e-3, epoch, new SeededRandom(6));
            Assert.Equal(Hits(attacked), curve.Hits[epoch]);
            Assert.True(TestModels.Distance(untaught, attacked) > 1e-3);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => job.AttackedModel(untaught, fold, 3e-3, 4, new SeededRandom(6)));

        string Hits(LlamaModel model) => string.Concat(taught.Evaluator.Evaluate(model, fold.Validation).Correct.Select(right => right ? "1" : "0"));
    }

    [Fact]
    public void ARateThatDivergesIsTheAttackersLossAlone()
    {
        RelearningReport report = Attack([0], [1e-4, 1e30], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6));

        Assert.Equal((3, null), (report.Curves[0].Hits.Count, report.Curves[0].Diverged));
        Assert.Single(report.Curves[1].Hits);
        Assert.Contains("attack split_0 at 1.0e+30", report.Curves[1].Diverged, StringComparison.Ordinal);
        Assert.Equal(1e-4, report.BestLearningRate);
        HybridException error = Assert.Throws<HybridException>(() => Attack([0], [1e30], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6)));
        Assert.Equal(ErrorKind.Diverged, error.Kind);
    }

    [Fact]
    public void JobsSideBySideGiveTheSameReport()
    {
        int threads = Runtime.Threads;
        var serial = new List<TrainingProgress>();
        var parallel = new System.Collections.Concurrent.ConcurrentBag<TrainingProgress>();
        try
        {
            Runtime.Threads = 1;
            RelearningReport one = Attack([0, 2, 4], [3e-4, 3e-3], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), 1, null, new SynchronousProgress<TrainingProgress>(serial.Add));
            Runtime.Threads = 3; // one for each of three workers
            RelearningReport three = Attack([0, 2, 4], [3e-4, 3e-3], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), 3, null, new SynchronousProgress<TrainingProgress>(parallel.Add));

            Assert.Equal(one.Curves.Select(Text), three.Curves.Select(Text));
            Assert.Equal(3, Runtime.Threads);
            Assert.Equal(Sorted(serial), Sorted(parallel)); // to the last bit of every loss
        }
        finally
        {
            Runtime.Threads = threads;
        }

        static string Text(RelearningCurve curve) => $"{curve.Fold} {curve.LearningRate} {string.Join(' ', curve.Hits)} {curve.Diverged}";

        static TrainingProgress[] Sorted(IEnumerable<TrainingProgress> reports) => [.. reports.OrderBy(report => report.Stage, StringComparer.Ordinal).ThenBy(report => report.Step)];
    }

    [Fact]
    public void FinishedJobsAreNotRunAgain()
    {
        using var folder = new TemporaryFolder();
        var files = new CurveFiles(folder.File("curves"), new { seed = 6 }, RunJournal.UsualInterval);
        int steps = 0;
        var progress = new SynchronousProgress<TrainingProgress>(_ => steps++);
        RelearningReport first = Attack([0], [1e-4], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), 1, files, progress);
        Assert.Equal(8, steps);

        RelearningReport second = Attack([0, 1], [1e-4], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), 1, files, progress);

        Assert.Equal(16, steps); // fold 1 alone
        Assert.Equal(first.Curves[0].Hits, second.Curves[0].Hits);
        Assert.Equal(["fold0-rate1e-4.json", "fold1-rate1e-4.json"], Directory.GetFiles(folder.File("curves")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ItStopsWhenCancelled()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        var progress = new SynchronousProgress<TrainingProgress>(_ =>
        {
            steps++;
            source.Cancel();
        });

        Assert.Throws<OperationCanceledException>(() => Attack([2], [1e-3], 2).Run(taught.Model, taught.Data.ForgetSplits, new SeededRandom(6), progress, source.Token));
        Assert.Equal(1, steps);
    }

    [Fact]
    public void EveryProblemIsNamedAtOnce()
    {
        RelearningOptions options = Options([], [1e-7, 0], 0);

        string problems = string.Join('\n', options.Validate());

        Assert.Contains("fold", problems, StringComparison.Ordinal);
        Assert.Contains("epochs 0", problems, StringComparison.Ordinal);
        Assert.Contains("learning rate 0", problems, StringComparison.Ordinal);
        Assert.Contains("warm-up", string.Join('\n', (Options([0], [1e-7], 1) with { Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1, warmupSteps: -1) }).Validate()), StringComparison.Ordinal);
        Assert.Empty(Options([0], [1e-7], 1).Validate());
    }

    private static RelearningOptions Options(int[] folds, double[] rates, int epochs) => new()
    {
        Folds = folds,
        LearningRates = rates,
        Epochs = epochs,
        BatchSize = 4,
        Form = QuestionForm.QuestionLetterAnswer,
        Leaks = LeakPolicy.LeaveOut,
        Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1),
    };

    private RelearningAttack Attack(int[] folds, double[] rates, int epochs) => new(Options(folds, rates, epochs), taught.Encoder, taught.Evaluator);
}
