using System.Collections.Concurrent;
using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>Sessions and runs called from a thread like a window's, which takes its turns one after the other and may even wait.</summary>
[LeakLedger]
public sealed class SessionThreadsTests(HostedModel hosted) : IClassFixture<HostedModel>
{
    [Fact]
    public void AWindowsThreadMayWaitForACall() => WindowThread.Run(() =>
    {
        using UnlearningSession session = UnlearningSession.OpenAsync(hosted.Options).GetAwaiter().GetResult();
        using UnlearnedModel unlearned = session.UnlearnAsync(HostedModel.GradientDifference()).GetAwaiter().GetResult();
        _ = session.EvaluateAsync(unlearned.Model, hosted.Data.ForgetQuestions).Result;
        return Task.CompletedTask;
    });

    [Fact]
    public void AWindowsThreadMayWaitForARun()
    {
        using var folder = new TemporaryFolder();
        WindowThread.Run(() =>
        {
            UnlearningRunResult result = new UnlearningRun(hosted.Experiment(), new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync().GetAwaiter().GetResult();
            Assert.Single(result.Report.Methods);
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void ProgressComesOnTheCallsThreadAndTheAnswerOnTheWindows() => WindowThread.Run(async () =>
    {
        Thread window = Thread.CurrentThread;
        var told = new ConcurrentQueue<(Thread On, string? Name, int Threads, string Culture)>();
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options with { Threads = 2 });
        Assert.Same(window, Thread.CurrentThread);

        using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference(), new SynchronousProgress<TrainingProgress>(_ =>
            told.Enqueue((Thread.CurrentThread, Thread.CurrentThread.Name, Runtime.Threads, CultureInfo.CurrentCulture.Name))));

        Assert.Same(window, Thread.CurrentThread);
        Assert.Equal(3, told.Count);
        Assert.All(told, step => Assert.Equal((told.First().On, "hybrid unlearn gd", 2, string.Empty), step));
        Assert.NotSame(window, told.First().On);
    });

    [Fact]
    public void TheFrameworksProgressComesOnTheWindowsThread() => WindowThread.Run(async () =>
    {
        Thread window = Thread.CurrentThread;
        var told = new List<(Thread On, int Step)>();
        var all = new TaskCompletionSource();
        var progress = new Progress<TrainingProgress>(step =>
        {
            told.Add((Thread.CurrentThread, step.Step));
            if (told.Count == 3)
            {
                all.SetResult();
            }
        });
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);

        using UnlearnedModel unlearned = await session.UnlearnAsync(HostedModel.GradientDifference(), progress);
        await all.Task;

        Assert.Equal([(window, 1), (window, 2), (window, 3)], told);
    });

    [Fact]
    public async Task WhatProgressThrowsEndsTheCall()
    {
        using UnlearningSession session = await UnlearningSession.OpenAsync(hosted.Options);
        long handles = Runtime.LiveHandles;

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => session.UnlearnAsync(
            HostedModel.GradientDifference(), new SynchronousProgress<TrainingProgress>(_ => throw new InvalidTimeZoneException())));

        Assert.Equal(handles, Runtime.LiveHandles);
    }

    /// <summary>A thread with a queue of turns, like a window's. A turn that never ends fails the test and not the run of all tests.</summary>
    private sealed class WindowThread : SynchronizationContext
    {
        private readonly BlockingCollection<(SendOrPostCallback Turn, object? State)> turns = [];

        public static void Run(Func<Task> work)
        {
            var window = new WindowThread();
            Task? done = null;
            var thread = new Thread(() =>
            {
                SetSynchronizationContext(window);
                window.Post(_ => done = Finish(), null);
                foreach ((SendOrPostCallback turn, object? state) in window.turns.GetConsumingEnumerable())
                {
                    turn(state);
                }
            }) { IsBackground = true };
            thread.Start();
            Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "the window's thread waits for something that waits for it");
            done!.GetAwaiter().GetResult();

            async Task Finish()
            {
                try
                {
                    await work();
                }
                finally
                {
                    window.turns.CompleteAdding();
                }
            }
        }

        public override void Post(SendOrPostCallback turn, object? state) => turns.Add((turn, state));
    }
}
