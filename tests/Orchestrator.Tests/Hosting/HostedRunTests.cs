using Hybrid.Interop;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>What a run and a session tell a host's loggers, and what a run refuses.</summary>
[LeakLedger]
public sealed class HostedRunTests(HostedModel hosted) : IClassFixture<HostedModel>, IDisposable
{
    private const int Started = 1, Finished = 2, Cancelled = 3, Failed = 4, Phase = 5, JobStarted = 6, JobFinished = 7, CallStarted = 8, CallFinished = 9, CallFailed = 10;

    private readonly TemporaryFolder folder = new();
    private readonly RecordedLog log = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task AFinishedRunTellsEveryPhaseAndJobOnce()
    {
        await Run(hosted.Experiment()).RunAsync();

        // Four phases of one job each: what the model knows, unlearning, measuring, RTT.
        Assert.Equal([Started, .. Enumerable.Repeat(new[] { Phase, JobStarted, JobFinished }, 4).SelectMany(events => events), Finished], log.Events);
        Assert.Equal(
            ["original models: 1 jobs to do", "unlearning: 1 jobs to do", "measuring: 1 jobs to do", "RTT: 1 jobs to do"],
            log.Lines.Where(line => line.Event == Phase).Select(line => line.Text));
        Assert.Equal($"Run 'hosted' started in {folder.File("run")}", log.Lines[0].Text);
        Assert.All(log.Lines, line => Assert.Equal((typeof(UnlearningRun).FullName, line.Event == JobStarted ? LogLevel.Debug : LogLevel.Information, null), (line.Category, line.Level, line.Error)));
        int told = log.Lines.Length;

        await Run(hosted.Experiment()).RunAsync(); // nothing is left to do

        Assert.Equal([Started, Finished], log.Events[told..]);
    }

    [Fact]
    public async Task ACancelledRunIsToldOnceAndGoesOn()
    {
        using var stop = new CancellationTokenSource();
        Task<UnlearningRunResult> task = Run(hosted.Experiment()).RunAsync(new SynchronousProgress<TrainingProgress>(step => Stop(step, stop)), stop.Token);

        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        Assert.True(task.IsCanceled);
        Assert.Equal(stop.Token, cancelled.CancellationToken);
        Assert.Equal([Started, Phase, JobStarted, JobFinished, Phase, JobStarted, Cancelled], log.Events);
        Assert.Equal((LogLevel.Warning, null), (log.Lines[^1].Level, log.Lines[^1].Error));
        int told = log.Lines.Length;

        await Run(hosted.Experiment()).RunAsync();

        Assert.Equal([Started, Phase, JobStarted, JobFinished, Phase, JobStarted, JobFinished, Phase, JobStarted, JobFinished, Finished], log.Events[told..]);
    }

    [Fact]
    public async Task AFailedRunIsToldOnceWithItsError()
    {
        HybridRegistry registry = HybridRegistry.BuiltIn.WithMethod(new ZeroHeadOptions { SaidSteps = 0 });
        ExperimentSettings settings = hosted.Experiment(MethodPlan.Of("Zero", UnlearningPresets.With("tiny", new ZeroHeadOptions { SaidSteps = 0, Fails = true })));
        var run = new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder.File("run"), Registry = registry }, log.For<UnlearningRun>());

        Task<UnlearningRunResult> task = run.RunAsync();
        InvalidTimeZoneException error = await Assert.ThrowsAsync<InvalidTimeZoneException>(() => task);

        Assert.Equal("the method's own", error.Message);
        Assert.Equal([Started, Phase, JobStarted, JobFinished, Phase, JobStarted, Failed], log.Events);
        Assert.Equal((LogLevel.Error, error), (log.Lines[^1].Level, log.Lines[^1].Error));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task WhatProgressThrowsEndsTheRun(int jobs)
    {
        var thrown = new InvalidTimeZoneException("the host's");

        Task<UnlearningRunResult> task = Run(hosted.Experiment() with { Jobs = jobs, Seeds = [1, 2] }).RunAsync(new SynchronousProgress<TrainingProgress>(_ => throw thrown));

        Assert.Same(thrown, await Assert.ThrowsAsync<InvalidTimeZoneException>(() => task));
        Assert.Equal(1, log.Events.Count(number => number == Failed));
    }

    [Fact]
    public async Task ProgressIsToldOneStepAtATime()
    {
        int at = 0, most = 0, told = 0;

        await Run(hosted.Experiment() with { Jobs = 2, Seeds = [1, 2] }).RunAsync(new SynchronousProgress<TrainingProgress>(_ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref at));
            told++;
            Thread.Yield();
            Interlocked.Decrement(ref at);
        }));

        Assert.Equal(1, most);
        Assert.True(told >= 2 * (6 + 2), $"{told} steps told"); // unlearning and RTT of each seed; measuring density tells of its own
    }

    [Fact]
    public async Task JobsSideBySideAreCancelledByTheHostsToken()
    {
        using var stop = new CancellationTokenSource();

        Task<UnlearningRunResult> task = Run(hosted.Experiment() with { Jobs = 2, Seeds = [1, 2] }).RunAsync(new SynchronousProgress<TrainingProgress>(step => Stop(step, stop)), stop.Token);
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);

        Assert.True(task.IsCanceled);
        Assert.Equal(stop.Token, cancelled.CancellationToken);
        Assert.Equal(1, log.Events.Count(number => number == Cancelled));
        await Run(hosted.Experiment() with { Jobs = 2, Seeds = [1, 2] }).RunAsync();
        Assert.Equal(8, log.Events.Count(number => number == JobFinished)); // each once, before or after
    }

    [Fact]
    public async Task ARunThatIsCancelledBeforehandDoesNoJob()
    {
        var stop = new CancellationToken(canceled: true);

        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(hosted.Experiment()).RunAsync(cancellation: stop));

        Assert.Equal(stop, cancelled.CancellationToken);
        Assert.DoesNotContain(JobStarted, log.Events);
        Assert.Equal(Cancelled, log.Events[^1]);
    }

    [Fact]
    public async Task TheSameFolderTwiceAtOnceIsRefused()
    {
        using var reached = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        Task<UnlearningRunResult> first = Run(hosted.Experiment()).RunAsync(new SynchronousProgress<TrainingProgress>(_ =>
        {
            reached.Set();
            go.Wait();
        }));
        reached.Wait();

        HybridException refused = await Assert.ThrowsAsync<HybridException>(() => Run(hosted.Experiment()).RunAsync());
        go.Set();
        await first;

        Assert.Contains(folder.File("run"), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APlanWritesNothing()
    {
        ExperimentPlan plan = Run(hosted.Experiment()).Plan();

        Assert.Equal([1, 1, 1, 1], plan.Stages.Select(stage => stage.Jobs).Where(jobs => jobs > 0));
        Assert.False(Directory.Exists(folder.File("run")));
        Assert.Empty(log.Lines);
    }

    [Fact]
    public void SettingsWithoutMeaningAreRefusedWhereTheRunIsMade()
    {
        HybridException error = Assert.Throws<HybridException>(() => Run(hosted.Experiment() with { Threads = 0, Seeds = [] }));

        Assert.Equal((ErrorKind.Config, "experiment 'hosted': seeds: at least one is needed, none twice; jobs 1 and threads 0 must be at least 1"), (error.Kind, error.Message));
        Assert.Throws<ArgumentNullException>(() => Run(null!));
    }

    [Fact]
    public async Task ASessionTellsEveryCallOnce()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options, logger: log.For<UnlearningSession>());
        await session.EvaluateAsync(session.Original, hosted.Data.ForgetQuestions);
        HybridException error = await Assert.ThrowsAsync<HybridException>(() => session.EvaluateAsync(session.Original, []));

        Assert.Equal([CallStarted, CallFinished, CallStarted, CallFailed], log.Events);
        Assert.Equal("evaluate finished", log.Lines[1].Text);
        Assert.Equal((LogLevel.Warning, error), (log.Lines[3].Level, log.Lines[3].Error));
    }

    private UnlearningRun Run(ExperimentSettings settings) => new(settings, new UnlearningRunOptions { Folder = folder.File("run") }, log.For<UnlearningRun>());

    private static void Stop(TrainingProgress step, CancellationTokenSource stop)
    {
        if (step.Stage.EndsWith("unlearn", StringComparison.Ordinal))
        {
            stop.Cancel();
        }
    }
}
