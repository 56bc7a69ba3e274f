using System.Diagnostics;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Runs;
using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>Runs the jobs whose results are missing, several side by side, and keeps what they give.</summary>
internal sealed class JobRunner(JobStore store, RunFolder folder, CountedProgress progress, int workers, int threadsPerWorker, TimeSpan checkpointInterval, ILogger logger, CancellationToken cancellation)
{
    /// <summary>Seconds of every job asked for so far, in whichever session it ran.</summary>
    public double Seconds { get; private set; }

    /// <summary>Whether there is a result of just these inputs.</summary>
    public bool IsDone<T>(Job<T> job)
        where T : class => store.Find(job) is not null;

    /// <summary>The results of a phase, in the jobs' order; what is missing is run.</summary>
    public IReadOnlyList<T> Run<T>(string phase, IReadOnlyList<Job<T>> jobs)
        where T : class
    {
        Job<T>[] missing = [.. jobs.Where(job => !IsDone(job))];
        foreach (Job<T> done in jobs.Except(missing))
        {
            RunJournal.Discard(store.CheckpointsOf(done)); // of a process that died between keeping the result and this
        }

        RunAll(phase, missing);
        Finished<T>[] finished = [.. jobs.Select(job => store.Find(job)!)];
        Seconds += finished.Sum(job => job.Seconds);
        return [.. finished.Select(job => job.Result)];
    }

    /// <summary>The same for groups of jobs: the results of each group, all groups' jobs being one queue.</summary>
    public IReadOnlyList<IReadOnlyList<T>> RunGroups<T>(string phase, IReadOnlyList<IReadOnlyList<Job<T>>> groups)
        where T : class
    {
        var results = new Queue<T>(Run(phase, [.. groups.SelectMany(group => group)]));
        return [.. groups.Select(group => group.Select(_ => results.Dequeue()).ToArray())];
    }

    /// <summary>Runs jobs, whether or not there are results.</summary>
    public void RunAll<T>(string phase, IReadOnlyList<Job<T>> jobs)
        where T : class
    {
        progress.Begin(phase, jobs.Count);
        if (jobs.Count > 0)
        {
            RunLog.Phase(logger, phase, jobs.Count);
        }

        JobQueue.Run<T>([.. jobs.Select<Job<T>, Func<CancellationToken, T>>(job => stop => Finish(job, stop))], workers, threadsPerWorker, cancellation);
    }

    private T Finish<T>(Job<T> job, CancellationToken stop)
        where T : class
    {
        using RunJournal journal = RunJournal.Open(store.CheckpointsOf(job), new { job.Fingerprint }, checkpointInterval, JournalStart.IfSame);

        // The work replaces the files that an older result of the job speaks of.
        store.Forget(job);
        var clock = Stopwatch.StartNew();
        T result;
        try
        {
            RunLog.JobStarted(logger, job.Id);
            result = HybridTelemetry.Trace("job", job.Id, () => job.Work(journal, stop));
        }
        catch (HybridException error)
        {
            throw new HybridException(error.Kind, $"{job.Id}: {error.Message}{AdviceOn(error)}", error);
        }

        double seconds = Math.Round(clock.Elapsed.TotalSeconds, 3);
        store.Keep(job, seconds, result);
        journal.Finish();
        folder.Log("job", new { job.Id, seconds });
        progress.JobDone();
        RunLog.JobFinished(logger, job.Id, seconds);
        return result;
    }

    /// <summary>A model that the run has made can be made again.</summary>
    private string AdviceOn(HybridException error) =>
        error.Kind is ErrorKind.ModelFile or ErrorKind.Tokenizer && error.Message.Contains(Path.Combine(folder.FullPath, SeedWorld.ModelsFolder), StringComparison.Ordinal)
            ? "; the run itself made this model: delete its folder and run again to have it made anew"
            : string.Empty;
}
