using System.Runtime.ExceptionServices;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Runs independent jobs side by side in this process. The number of threads of native operations is each calling thread's own, so every
/// worker has a thread of its own and sets it there; the host's threads keep theirs.
/// </summary>
internal static class JobQueue
{
    /// <summary>Runs all jobs; each starts when a worker is free, in the list's order. With one worker they run on the calling thread.</summary>
    /// <typeparam name="T">What a job gives.</typeparam>
    /// <param name="jobs">The jobs. The token given to them is cancelled when the caller's is, and when another job fails.</param>
    /// <param name="workers">Jobs at a time, at least 1.</param>
    /// <param name="threadsPerWorker">Threads of each native operation in a job, at least 1. The calling thread's setting is put back afterwards.</param>
    /// <param name="cancellation">Stops everything.</param>
    /// <returns>The results, in the jobs' order.</returns>
    /// <exception cref="OperationCanceledException">The caller cancelled before all jobs were done.</exception>
    /// <exception cref="Exception">The first failure of a job, as it was thrown, after the other workers have stopped.</exception>
    public static IReadOnlyList<T> Run<T>(IReadOnlyList<Func<CancellationToken, T>> jobs, int workers, int threadsPerWorker, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(threadsPerWorker, 1);
        return workers == 1 ? RunHere(jobs, threadsPerWorker, cancellation) : RunSideBySide(jobs, workers, threadsPerWorker, cancellation);
    }

    private static T[] RunHere<T>(IReadOnlyList<Func<CancellationToken, T>> jobs, int threads, CancellationToken cancellation)
    {
        int threadsBefore = Runtime.Threads;
        Runtime.Threads = threads;
        try
        {
            T[] results = new T[jobs.Count];
            for (int i = 0; i < results.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                results[i] = jobs[i](cancellation);
            }

            return results;
        }
        finally
        {
            Runtime.Threads = threadsBefore; // of this thread, which is the caller's; workers' threads end with their jobs
        }
    }

    private static T[] RunSideBySide<T>(IReadOnlyList<Func<CancellationToken, T>> jobs, int workers, int threads, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        T[] results = new T[jobs.Count];
        int next = -1;
        ExceptionDispatchInfo? failure = null;
        Thread[] running = [.. Enumerable.Range(0, Math.Min(workers, jobs.Count)).Select(_ => new Thread(Work) { IsBackground = true, Name = "hybrid job" })];
        foreach (Thread thread in running)
        {
            thread.Start();
        }

        foreach (Thread thread in running)
        {
            thread.Join();
        }

        if (failure?.SourceException is OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested(); // with the token that the caller knows
        }

        failure?.Throw();
        return results;

        void Work()
        {
            try
            {
                Runtime.Threads = threads;
                for (int i = Interlocked.Increment(ref next); i < results.Length; i = Interlocked.Increment(ref next))
                {
                    cancellation.ThrowIfCancellationRequested(); // its own token is cancelled a moment before the linked one
                    stop.Token.ThrowIfCancellationRequested();
                    results[i] = jobs[i](stop.Token);
                }
            }
            catch (Exception error)
            {
                // What fails after the first failure fails because of it, by being cancelled.
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
                stop.Cancel();
            }
        }
    }
}
