using System.Collections.Concurrent;
using Hybrid.Interop;
using Hybrid.Orchestrator.Runs;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class JobQueueTests : IDisposable
{
    private readonly int threads = Runtime.Threads;

    public void Dispose() => Runtime.Threads = threads;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(20)]
    public void ResultsStandInTheJobsOrder(int workers)
    {
        Func<CancellationToken, int>[] jobs = [.. Enumerable.Range(0, 10).Select(i => new Func<CancellationToken, int>(_ =>
        {
            Thread.Sleep(10 - i); // later jobs end earlier
            return i * i;
        }))];

        Assert.Equal([0, 1, 4, 9, 16, 25, 36, 49, 64, 81], JobQueue.Run(jobs, workers, 1, default));
        Assert.Empty(JobQueue.Run(Array.Empty<Func<CancellationToken, int>>(), workers, 1, default));
    }

    [Fact]
    public void OneWorkerIsTheCallingThreadAndSeveralAreOthers()
    {
        int here = Environment.CurrentManagedThreadId;
        Func<CancellationToken, int>[] jobs = [.. Enumerable.Repeat(new Func<CancellationToken, int>(_ => Environment.CurrentManagedThreadId), 4)];

        Assert.All(JobQueue.Run(jobs, 1, 1, default), id => Assert.Equal(here, id));
        Assert.All(JobQueue.Run(jobs, 2, 1, default), id => Assert.NotEqual(here, id));
    }

    [Fact]
    public void JobsRunSideBySide()
    {
        // Both wait for each other: one after the other, neither would end.
        using var meeting = new Barrier(2);
        Func<CancellationToken, bool>[] jobs = [.. Enumerable.Repeat(new Func<CancellationToken, bool>(_ => meeting.SignalAndWait(TimeSpan.FromSeconds(30))), 2)];

        Assert.Equal([true, true], JobQueue.Run(jobs, 2, 1, default));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void EveryWorkerHasItsThreadsAndTheCallersArePutBack(int workers)
    {
        int before = CountOfAFreshThread();
        Runtime.Threads = 3;
        Func<CancellationToken, int>[] jobs = [.. Enumerable.Repeat(new Func<CancellationToken, int>(_ => Runtime.Threads), 4)];

        Assert.Equal([2, 2, 2, 2], JobQueue.Run(jobs, workers, 2, default));

        Assert.Equal(3, Runtime.Threads);
        Assert.Equal(before, CountOfAFreshThread()); // threads that start afterwards never hear of it
    }

    // Each queue begins and ends in the middle of the other one.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TwoQueuesAtOnceLeaveEachOtherAndTheProcessAlone(int workers)
    {
        int before = CountOfAFreshThread();
        using ManualResetEventSlim firstRuns = new(), secondRuns = new(), firstEnded = new();
        int[] Run(int own, int threads, Action meanwhile)
        {
            Runtime.Threads = own;
            int[] seen =
            [
                .. JobQueue.Run([_ => Runtime.Threads, Seen], workers, threads, default),
                Runtime.Threads,
            ];
            return seen;

            int Seen(CancellationToken stop)
            {
                meanwhile();
                return Runtime.Threads;
            }
        }

        int[] first = [], second = [];
        var one = new Thread(() =>
        {
            first = Run(before + 1, before + 2, () =>
            {
                firstRuns.Set();
                secondRuns.Wait(TimeSpan.FromSeconds(30));
            });
            firstEnded.Set();
        });
        var other = new Thread(() =>
        {
            firstRuns.Wait(TimeSpan.FromSeconds(30));
            second = Run(before + 3, before + 4, () =>
            {
                secondRuns.Set();
                firstEnded.Wait(TimeSpan.FromSeconds(30));
            });
        });
        one.Start();
        other.Start();
        one.Join();
        Assert.Equal(before, CountOfAFreshThread());
        other.Join();

        Assert.Equal([before + 2, before + 2, before + 1], first);
        Assert.Equal([before + 4, before + 4, before + 3], second);
        Assert.Equal(before, CountOfAFreshThread());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheFirstFailureIsRethrownAsItIsAndStopsTheOthers(int workers)
    {
        var failure = new HybridException(ErrorKind.Diverged, "job 1");
        var started = new ConcurrentBag<int>();
        Func<CancellationToken, int>[] jobs = [.. Enumerable.Range(0, 6).Select(i => new Func<CancellationToken, int>(stop =>
        {
            started.Add(i);
            if (i == 1)
            {
                throw failure;
            }

            if (workers > 1)
            {
                Assert.True(stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(30)));
                stop.ThrowIfCancellationRequested();
            }

            return i;
        }))];
        Runtime.Threads = 3;

        Assert.Same(failure, Assert.Throws<HybridException>(() => JobQueue.Run(jobs, workers, 1, default)));

        Assert.Equal([0, 1], started.Order());
        Assert.Equal(3, Runtime.Threads);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TheCallersCancellationIsToldWithTheCallersToken(int workers)
    {
        using var source = new CancellationTokenSource();
        int done = 0;
        Func<CancellationToken, int>[] jobs = [.. Enumerable.Range(0, 6).Select(_ => new Func<CancellationToken, int>(stop =>
        {
            source.Cancel();
            Interlocked.Increment(ref done);
            return 0;
        }))];

        OperationCanceledException error = Assert.Throws<OperationCanceledException>(() => JobQueue.Run(jobs, workers, 1, source.Token));

        Assert.Equal(source.Token, error.CancellationToken);
        Assert.InRange(done, 1, workers);
    }

    [Fact]
    public void NoWorkerOrNoThreadHasNoMeaning()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => JobQueue.Run<int>([], 0, 1, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => JobQueue.Run<int>([], 1, 0, default));
    }

    /// <summary>LibTorch's default for the process, which a thread begins with that has not computed yet.</summary>
    private static int CountOfAFreshThread()
    {
        int count = 0;
        var thread = new Thread(() => count = Runtime.Threads);
        thread.Start();
        thread.Join();
        return count;
    }
}
