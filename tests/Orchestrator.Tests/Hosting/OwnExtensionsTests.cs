using System.Text.Json;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.Samples.Extensions;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>A method, a dataset, a metric and an attack of one's own in an experiment made in code.</summary>
[LeakLedger]
public sealed class OwnExtensionsTests(HostedModel hosted) : IClassFixture<HostedModel>, IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static readonly HybridRegistry Own = Registry(new FixedQuestions(), new CountedMetric(), new ZeroHeadAttack());

    private static readonly UnlearningSettings ZeroHeadSettings = UnlearningPresets.With("tiny", new ZeroHeadOptions { SaidSteps = 0 });

    private static readonly TaskVectorOptions TaskVector = new() { Scale = 1, Epochs = 2, BatchSize = 4, Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 1e-3) };

    /// <summary>Two folds, so that V is A, B, A and A.</summary>
    private ExperimentSettings Settings => hosted.Experiment(MethodPlan.Of("Zero", ZeroHeadSettings), MethodPlan.Of("GD", HostedModel.GradientDifference())) with
    {
        Dataset = new DatasetSettings { Name = "fixed-questions" },
        Attacks = new AttackSettings { Rtt = HostedModel.Rtt with { Folds = [0, 1] }, Own = ["zero-head"] },
        Utility = new UtilitySettings { RetainTextNll = false, Metrics = ["counted"] },
    };

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task TheirFiguresStandInTheReport()
    {
        UnlearningRunResult result = await Run("whole", Settings, Own);

        ExperimentReport read = ResultsFile.Read(folder.File("whole"));
        Assert.All([result.Report, read], report =>
        {
            Assert.Equal(("fixed-questions", 10, 4), (report.Dataset, report.ForgetQuestions, report.RetainQuestions));
            Assert.Equal([4.1], report.MetricsBefore["counted"].PerSeed);
            MethodReport zero = report.Methods[0], gd = report.Methods[1];
            Assert.Equal(("Zero", "zero-head"), (zero.Label, zero.Method));
            Assert.Equal([0.75], zero.Forget.PerSeed); // A of V's A, B, A, A
            Assert.Equal([0.75], zero.Retain.PerSeed);
            Assert.Equal(0, zero.Picked[0].Steps);
            Assert.Equal([0.75], zero.OwnAttacks["zero-head"].PerSeed);
            Assert.Equal([0.75], gd.OwnAttacks["zero-head"].PerSeed); // whatever was unlearned
            Assert.Equal([4.1], gd.Metrics["counted"].PerSeed);
        });
        string page = File.ReadAllText(result.Files[0]);
        Assert.All(["zero-head", "counted", "fixed-questions"], name => Assert.Contains(name, page, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatWasWrittenIsReadBackWithTheSameRegistry()
    {
        string yaml = ExperimentYaml.Write(Settings);

        Assert.Equal(yaml, ExperimentYaml.Write(ExperimentYaml.Parse("f", yaml, Own)));
        UnlearningRunResult coded = await Run("coded", Settings, Own), read = await Run("read", ExperimentYaml.Parse("f", yaml, Own), Own);
        Assert.Equal(Weights("coded", "zero"), Weights("read", "zero"));
        Assert.Equal(coded.Report.Methods[1].Rtt.PerSeed, read.Report.Methods[1].Rtt.PerSeed);
    }

    [Fact]
    public async Task AnotherVersionIsRunAnewAndNothingElse()
    {
        await Run("versions", Settings, Own);
        int jobs = Jobs("versions").Length;

        Assert.Empty(await JobsOf(Own));
        Assert.Equal(["seed1/gd/metric-counted", "seed1/original/metric-counted", "seed1/zero/metric-counted"], await JobsOf(Registry(new FixedQuestions(), new CountedMetric("2"), new ZeroHeadAttack())));
        Assert.Equal(
            ["seed1/gd/own-zero-head-fold0", "seed1/gd/own-zero-head-fold1", "seed1/zero/own-zero-head-fold0", "seed1/zero/own-zero-head-fold1"],
            await JobsOf(Registry(new FixedQuestions(), new CountedMetric("2"), new ZeroHeadAttack("2"))));
        Assert.Equal(Jobs("versions")[..jobs].Order(), await JobsOf(Registry(new FixedQuestions("2"), new CountedMetric("2"), new ZeroHeadAttack("2"))));

        async Task<string[]> JobsOf(HybridRegistry registry)
        {
            int before = Jobs("versions").Length;
            await Run("versions", Settings, registry);
            return [.. Jobs("versions")[before..].Order()];
        }
    }

    [Fact]
    public async Task AnOwnMethodThatWasStoppedGoesOnToTheSameBytes()
    {
        HybridRegistry registry = HybridRegistry.BuiltIn.WithMethod(TaskVector);
        ExperimentSettings settings = hosted.Experiment(MethodPlan.Of("Task vector", UnlearningPresets.With("tiny", TaskVector)));
        UnlearningRunResult whole = await Run("at-once", settings, registry);

        using var stop = new CancellationTokenSource();
        var fourth = new SynchronousProgress<TrainingProgress>(step =>
        {
            if (step is { Stage: var stage, Step: 4 } && stage.EndsWith("unlearn", StringComparison.Ordinal))
            {
                stop.Cancel();
            }
        });
        var run = new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder.File("stopped"), Registry = registry, CheckpointInterval = TimeSpan.Zero });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.RunAsync(fourth, stop.Token));
        Assert.False(Directory.Exists(Path.Combine(folder.File("stopped"), "models", "seed1", "task-vector")));
        Assert.True(Directory.Exists(Path.Combine(folder.File("stopped"), "jobs", "seed1", "task-vector", "unlearn.checkpoint")));
        UnlearningRunResult after = await run.RunAsync();

        Assert.Equal(Weights("at-once", "task-vector"), Weights("stopped", "task-vector"));
        Assert.Equal(whole.Report.Methods[0].Losses, after.Report.Methods[0].Losses);
        Assert.Equal(whole.Report.Methods[0].Rtt.PerSeed, after.Report.Methods[0].Rtt.PerSeed);
    }

    [Fact]
    public void NamesThatAreTakenOrNoneAreRefused()
    {
        Assert.Equal("method 'gd': the name is taken", Assert.Throws<ArgumentException>(() => HybridRegistry.BuiltIn.WithMethod((IMethodOptions)HostedModel.GradientDifference().Options)).Message);
        Assert.Equal("method 'zero-head': the name is taken", Assert.Throws<ArgumentException>(() => Own.WithMethod(new ZeroHeadOptions { SaidSteps = 0 })).Message);
        Assert.Equal("dataset 'fixed-questions': the name is taken", Assert.Throws<ArgumentException>(() => Own.WithDataset(new FixedQuestions("3"))).Message);
        Assert.Equal("metric 'counted': the name is taken", Assert.Throws<ArgumentException>(() => Own.WithMetric(new CountedMetric())).Message);
        Assert.Equal("attack 'zero-head': the name is taken", Assert.Throws<ArgumentException>(() => Own.WithAttack(new ZeroHeadAttack())).Message);
        Assert.All(["", "Upper", "two words", "under_score", "-dash", "dash-", "two--dashes", "1st", "name\n"], name =>
            Assert.Contains("small letters", Assert.Throws<ArgumentException>(() => Own.WithMetric(new Named(name))).Message, StringComparison.Ordinal));
        Assert.Contains("said steps", Assert.Throws<ArgumentException>(() => HybridRegistry.BuiltIn.WithMethod(new ZeroHeadOptions { SaidSteps = -1 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ANameThatIsNotThereIsToldWithThoseThatAre()
    {
        ExperimentSettings unknown = Settings with
        {
            Attacks = Settings.Attacks with { Own = ["zero-hed"] },
            Utility = Settings.Utility with { Metrics = ["count", "count"] },
            Dataset = new DatasetSettings { Name = "fixed", Data = "data" },
        };

        HybridException error = Assert.Throws<HybridException>(() => new UnlearningRun(unknown, new UnlearningRunOptions { Folder = folder.File("none"), Registry = Own }));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.All(
            ["attacks.own: 'zero-hed' is not known; expected zero-head", "utility.metrics: 'count' is not known; expected counted", "utility.metrics: a name stands twice", "dataset.name: expected random-birthdays, years, wmdp-deduped, mmlu, fixed-questions, found 'fixed'"],
            said => Assert.Contains(said, error.Message, StringComparison.Ordinal));
        Assert.Contains("none was added to this program", Assert.Throws<HybridException>(() => new UnlearningRun(unknown, new UnlearningRunOptions { Folder = folder.File("none") })).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("none")));
    }

    private static HybridRegistry Registry(IDatasetProvider dataset, IModelMetric metric, IModelAttack attack) =>
        HybridRegistry.BuiltIn.WithMethod(new ZeroHeadOptions { SaidSteps = 0 }).WithDataset(dataset).WithMetric(metric).WithAttack(attack);

    private Task<UnlearningRunResult> Run(string name, ExperimentSettings settings, HybridRegistry registry) =>
        new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder.File(name), Registry = registry }).RunAsync();

    private byte[] Weights(string run, string model) => File.ReadAllBytes(Path.Combine(folder.File(run), "models", "seed1", model, Orchestrator.Model.ModelFolder.WeightsFile));

    private string[] Jobs(string run) =>
    [
        .. File.ReadLines(Path.Combine(folder.File(run), RunFolder.MetricsFile)).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("kind").GetString() == "job").Select(line => line.GetProperty("value").GetProperty("id").GetString()!),
    ];

    private sealed record Named(string Name) : IModelMetric
    {
        public string Version => "1";

        public double Measure(MeasuredModel model, CancellationToken cancellation) => 0;
    }
}
