using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What meters and activities tell a host. Names, units and tags are what dashboards are made of: they stand here, and a change is a break.</summary>
[LeakLedger]
public sealed class TelemetryTests(HostedModel hosted) : IClassFixture<HostedModel>, IDisposable
{
    private const string Steps = "hybrid.training.steps", Examples = "hybrid.training.examples", StepDuration = "hybrid.training.step.duration", Loss = "hybrid.training.loss",
        Active = "hybrid.work.active", Duration = "hybrid.work.duration", Stage = "hybrid.stage", Kind = "hybrid.kind", Outcome = "hybrid.outcome", Id = "hybrid.id";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TheNamesAreThese()
    {
        using var heard = new Heard();

        Assert.Equal("Hybrid", HybridTelemetry.Name);
        Assert.Equal(
            [
                (Examples, "{example}", typeof(Counter<long>)), (Loss, "{nat}", typeof(Gauge<double>)), (StepDuration, "s", typeof(Histogram<double>)), (Steps, "{step}", typeof(Counter<long>)),
                (Active, "{item}", typeof(UpDownCounter<long>)), (Duration, "s", typeof(Histogram<double>)),
            ],
            heard.Instruments.OrderBy(instrument => instrument.Name, StringComparer.Ordinal).Select(instrument => (instrument.Name, instrument.Unit, instrument.GetType())));
    }

    [Fact]
    public async Task ARunsStepsAndExamplesAreCounted()
    {
        using var heard = new Heard();

        UnlearningRunResult result = await Run(hosted.Experiment());

        // Ten forget questions in batches of 4, twice; then RTT on the eight of T in batches of 4, once.
        Assert.Equal((6L, 20L), (heard.Sum(Steps, "unlearn"), heard.Sum(Examples, "unlearn")));
        string attack = Assert.Single(heard.Values(Steps).Select(value => value.Tags[Stage]!).Distinct(), stage => stage != "unlearn");
        Assert.StartsWith("attack ", attack, StringComparison.Ordinal);
        Assert.Equal((2L, 8L), (heard.Sum(Steps, attack), heard.Sum(Examples, attack)));
        Assert.Equal(8, heard.Values(StepDuration).Count(value => value.Value > 0));
        Assert.Equal(result.Report.Methods[0].Losses.Select(point => point.Loss), heard.Values(Loss).Where(value => value.Tags[Stage] == "unlearn").Select(value => value.Value));
        Assert.All(heard.All.Where(value => value.Name.StartsWith("hybrid.training.", StringComparison.Ordinal)), value => Assert.Equal([Stage], value.Tags.Keys));
    }

    [Fact]
    public async Task WorkUnderWayIsCountedUpAndDown()
    {
        using var heard = new Heard();
        double runs = 0, jobs = 0;

        await Run(hosted.Experiment(), new SynchronousProgress<TrainingProgress>(_ => (runs, jobs) = (heard.Sum(Active, kind: "run"), heard.Sum(Active, kind: "job"))));

        Assert.Equal((1, 1), (runs, jobs));
        Assert.Equal(10, heard.Values(Active).Length); // a run and four jobs, each up and down
        Assert.Equal(0, heard.Values(Active).Sum(value => value.Value));
        Assert.All(heard.Values(Active), value => Assert.Equal([Kind], value.Tags.Keys));
        Assert.Equal(["job finished", "job finished", "job finished", "job finished", "run finished"], heard.Values(Duration).Select(value => $"{value.Tags[Kind]} {value.Tags[Outcome]}"));
        Assert.All(heard.Values(Duration), value => Assert.InRange(value.Value, 0, heard.Values(Duration)[^1].Value));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task ActivitiesAreARunsAndItsJobsUnderTheHostsOwn(int jobsSideBySide)
    {
        using var heard = new Heard();
        using var host = new ActivitySource("a host");
        using Activity request = host.StartActivity("request")!;

        await Run(hosted.Experiment() with { Jobs = jobsSideBySide });

        Assert.Same(request, Activity.Current);
        Activity[] mine = heard.Activities;
        Activity run = Assert.Single(mine, activity => activity.OperationName == "run");
        Assert.Equal((request.SpanId, request.TraceId), (run.ParentSpanId, run.TraceId));
        Assert.Equal(("hosted", "finished", ActivityStatusCode.Unset), (run.GetTagItem(Id), run.GetTagItem(Outcome), run.Status));
        Activity[] jobs = [.. mine.Where(activity => activity.OperationName == "job")];
        Assert.Equal(["seed1/gd/measure", "seed1/gd/rtt-fold0-1e-3", "seed1/gd/unlearn", "seed1/original"], jobs.Select(job => (string)job.GetTagItem(Id)!).Order(StringComparer.Ordinal));
        Assert.All(jobs, job => Assert.Equal((run.SpanId, run.TraceId), (job.ParentSpanId, job.TraceId)));
        Assert.All(mine, activity => Assert.Equal([Id, Outcome], activity.TagObjects.Select(tag => tag.Key)));
        Assert.Equal(5, mine.Length);
    }

    [Fact]
    public async Task WhatFailsIsAnErrorAndWhatIsCancelledIsNone()
    {
        using var heard = new Heard();
        HybridRegistry registry = HybridRegistry.BuiltIn.WithMethod(new ZeroHeadOptions { SaidSteps = 0 });
        ExperimentSettings failing = hosted.Experiment(MethodPlan.Of("Zero", UnlearningPresets.With("tiny", new ZeroHeadOptions { SaidSteps = 0, Fails = true })));

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => new UnlearningRun(failing, new UnlearningRunOptions { Folder = folder.File("failing"), Registry = registry }).RunAsync());

        Activity[] failed = [.. heard.Activities.Where(activity => activity.Status == ActivityStatusCode.Error)];
        Assert.Equal([("job", "seed1/zero/unlearn"), ("run", "hosted")], failed.Select(activity => (activity.OperationName, (string)activity.GetTagItem(Id)!)));
        Assert.All(failed, activity => Assert.Equal(("failed", "the method's own"), (activity.GetTagItem(Outcome), activity.StatusDescription)));
        Assert.Equal(["job finished", "job failed", "run failed"], heard.Values(Duration).Select(value => $"{value.Tags[Kind]} {value.Tags[Outcome]}"));

        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(hosted.Experiment(), new SynchronousProgress<TrainingProgress>(_ => stop.Cancel()), stop.Token));

        Assert.Equal(2, heard.Activities.Count(activity => activity.Status == ActivityStatusCode.Error));
        Assert.Equal(["cancelled"], heard.Activities.Where(activity => activity.OperationName == "run" && activity.Status == ActivityStatusCode.Unset).Select(activity => (string)activity.GetTagItem(Outcome)!));
        Assert.Equal(0, heard.Values(Active).Sum(value => value.Value));
    }

    [Fact]
    public async Task StepsOfAnEarlierProcessAreNotCountedAgain()
    {
        using var heard = new Heard();
        using var stop = new CancellationTokenSource();
        var fourth = new SynchronousProgress<TrainingProgress>(step =>
        {
            if (step.Step == 4 && step.Stage.EndsWith("unlearn", StringComparison.Ordinal))
            {
                stop.Cancel();
            }
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(hosted.Experiment(), fourth, stop.Token));
        Assert.Equal((4, 14), (heard.Sum(Steps, "unlearn"), heard.Sum(Examples, "unlearn"))); // 4, 4 and 2 of the first pass, 4 of the second
        Assert.Equal(["job finished", "job cancelled", "run cancelled"], heard.Values(Duration).Select(value => $"{value.Tags[Kind]} {value.Tags[Outcome]}"));
        await Run(hosted.Experiment());

        Assert.Equal((6, 20), (heard.Sum(Steps, "unlearn"), heard.Sum(Examples, "unlearn")));
        Assert.Equal(2, heard.Activities.Count(activity => activity.OperationName == "run"));
        Assert.Equal(5, heard.Activities.Count(activity => activity.OperationName == "job")); // unlearning twice
    }

    [Fact]
    public async Task ASessionsCallsAreActivitiesOfFewNames()
    {
        using var heard = new Heard();
        using (UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options))
        {
            using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference());
            await session.AttackAsync(unlearned.Model, HostedModel.Rtt);
            await session.EvaluateAsync(unlearned.Model, hosted.Data.ForgetQuestions);
            await session.CompleteAsync(unlearned.Model, ["a"], 1);
            await session.SaveAsync(unlearned.Model, folder.File("saved"));
        }

        Assert.Equal(["load", "unlearn", "attack", "evaluate", "complete", "save"], heard.Activities.Select(activity => activity.OperationName));
        Assert.Equal([hosted.Folder, "unlearn gd", "attack rtt", "evaluate", "complete", "save"], heard.Activities.Select(activity => (string)activity.GetTagItem(Id)!));
        Assert.Equal(3, heard.Sum(Steps, "unlearn"));
        Assert.Equal(0, heard.Values(Active).Sum(value => value.Value));
        Assert.Equal(6, heard.Values(Duration).Count(value => value.Tags[Outcome] == "finished"));
    }

    [Fact]
    public void AStepThatNobodyListensToAllocatesNothing()
    {
        for (int i = 0; i < 100; i++)
        {
            HybridTelemetry.Step("unlearn", 4, 1.5, Stopwatch.GetTimestamp());
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            HybridTelemetry.Step("unlearn", 4, 1.5, Stopwatch.GetTimestamp());
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private Task<UnlearningRunResult> Run(ExperimentSettings settings, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default) =>
        new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync(progress, cancellation);

    /// <summary>A host's listeners: everything that was measured, and every activity of Hybrid's that ended.</summary>
    private sealed class Heard : IDisposable
    {
        private readonly MeterListener meters = new();
        private readonly ActivityListener sources;
        private readonly ConcurrentQueue<Measured> values = new();
        private readonly ConcurrentQueue<Activity> activities = new();
        private readonly ConcurrentQueue<Instrument> instruments = new();

        public Heard()
        {
            meters.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == HybridTelemetry.Name)
                {
                    instruments.Enqueue(instrument);
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            HybridTelemetry.Step("before anybody listens", 1, 0, Stopwatch.GetTimestamp()); // so that the instruments are there
            meters.Start();
            sources = new ActivityListener
            {
                ShouldListenTo = source => source.Name is HybridTelemetry.Name or "a host",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = activity =>
                {
                    if (activity.Source.Name == HybridTelemetry.Name)
                    {
                        activities.Enqueue(activity);
                    }
                },
            };
            ActivitySource.AddActivityListener(sources);
        }

        public Instrument[] Instruments => [.. instruments];

        public Measured[] All => [.. values];

        public Activity[] Activities => [.. activities];

        public Measured[] Values(string name) => [.. values.Where(value => value.Name == name)];

        public double Sum(string name, string? stage = null, string? kind = null) =>
            Values(name).Where(value => (stage is null || value.Tags[Stage] == stage) && (kind is null || value.Tags[Kind] == kind)).Sum(value => value.Value);

        public void Dispose()
        {
            meters.Dispose();
            sources.Dispose();
        }

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            values.Enqueue(new Measured(instrument.Name, value, tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value as string)));
    }

    private sealed record Measured(string Name, double Value, IReadOnlyDictionary<string, string?> Tags);
}
