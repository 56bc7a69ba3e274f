using System.Threading.Channels;

namespace UnlearningService;

/// <summary>The runs that the service knows, and the order in which those that have not ended are run. Safe to use from several threads.</summary>
internal sealed class RunQueue
{
    private readonly Lock gate = new();
    private readonly RunStore store;
    private readonly int most;
    private readonly OrderedDictionary<string, Run> runs = [];
    private readonly Channel<Run> waiting = Channel.CreateUnbounded<Run>();

    /// <summary>Reads what is on disk; what has not ended waits again, whether it was under way or not.</summary>
    /// <param name="store">Where runs are kept.</param>
    /// <param name="most">Runs that wait, at most.</param>
    public RunQueue(RunStore store, int most)
    {
        this.store = store;
        this.most = most;
        foreach (Run run in store.Load())
        {
            runs.Add(run.Id, run);
            if (!run.HasEnded)
            {
                waiting.Writer.TryWrite(run);
            }
        }
    }

    /// <summary>All runs, in the order of submission.</summary>
    public IReadOnlyList<Run> All
    {
        get
        {
            lock (gate)
            {
                return [.. runs.Values];
            }
        }
    }

    /// <summary>The run of an id; null where there is none.</summary>
    public Run? Find(string id)
    {
        lock (gate)
        {
            return runs.GetValueOrDefault(id);
        }
    }

    /// <summary>Takes a run in, on disk first; null where too many wait.</summary>
    public Run? TryAdd(string yaml)
    {
        lock (gate)
        {
            if (runs.Values.Count(run => run.State.Status == RunStatus.Queued) >= most)
            {
                return null;
            }

            Run run = store.Create(yaml);
            runs.Add(run.Id, run);
            waiting.Writer.TryWrite(run);
            return run;
        }
    }

    /// <summary>The runs as their turn comes, some of them cancelled meanwhile; without an end.</summary>
    public IAsyncEnumerable<Run> InTurn(CancellationToken cancellation) => waiting.Reader.ReadAllAsync(cancellation);
}
