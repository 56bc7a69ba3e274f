using System.Runtime.ExceptionServices;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Runs;

/// <summary>Runs independent jobs side by side, each on a thread of its own with a share of the processor.</summary>
public static class JobQueue
{
    /// <summary>Runs all of them; results come in the jobs' order, whatever the order in which they end.</summary>
    /// <param name="jobs">The jobs. Each is started on some worker, in order.</param>
    /// <param name="workers">Jobs at a time; 1 runs them on the calling thread.</param>
    /// <param name="threadsPerWorker">Threads of one operation within a job. LibTorch keeps the number for each thread that calls it.</param>
    /// <param name="cancellation">Told to the jobs; no further one is started.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="Exception">What the first job to fail threw, as it was; the others are cancelled.</exception>
    public static IReadOnlyList<T> Run<T>(IReadOnlyList<Func<CancellationToken, T>> jobs, int workers, int threadsPerWorker, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        var results = new T[jobs.Count];
        int threadsBefore = Runtime.Threads;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? failure = null;
        int next = -1;
        try
        {
            if (workers == 1)
            {
                Work();
            }
            else
            {
                Thread[] threads = [.. Enumerable.Range(0, Math.Min(workers, jobs.Count)).Select(i => new Thread(Work) { Name = $"job worker {i}", IsBackground = true })];
                Array.ForEach(threads, thread => thread.Start());
                Array.ForEach(threads, thread => thread.Join());
            }
        }
        finally
        {
            Runtime.Threads = threadsBefore;
        }

        cancellation.ThrowIfCancellationRequested();
        failure?.Throw();
        return results;

        void Work()
        {
            try
            {
                Runtime.Threads = threadsPerWorker;
                for (int i = Interlocked.Increment(ref next); i < jobs.Count; i = Interlocked.Increment(ref next))
                {
                    stop.Token.ThrowIfCancellationRequested();
                    results[i] = jobs[i](stop.Token);
                }
            }
            catch (Exception error)
            {
                // The first failure is the cause; what the others meet afterwards is that they were stopped.
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
                stop.Cancel();
            }
        }
    }
}
