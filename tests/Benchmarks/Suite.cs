using Hybrid.Interop;

namespace Hybrid.Benchmarks;

/// <summary>What the benchmarks share: the work, the peers, the machine's measured peaks, and where results go.</summary>
internal sealed class Suite(string python, int rounds, IReadOnlyList<WorkSize> sizes, IReadOnlyList<ElementType> types, Device device, string folder, Action<string> say) : IDisposable
{
    private readonly Dictionary<string, Workload> workloads = [];
    private readonly Dictionary<string, Peer> peers = [];

    public int Rounds => rounds;

    public IReadOnlyList<WorkSize> Sizes => sizes;

    public IReadOnlyList<ElementType> Types => types;

    public Device Device => device;

    public List<Result> Results { get; } = [];

    public List<Fact> Facts { get; } = [];

    /// <summary>Why there is no peer; empty where there is one.</summary>
    public string NoPeer { get; private set; } = "";

    /// <summary>Highest rate of a product measured in this run, operations a second.</summary>
    public Dictionary<ElementType, double> PeakRate { get; } = [];

    public void Say(string text) => say(text);

    public Workload Work(WorkSize size)
    {
        if (!workloads.TryGetValue(size.Name, out Workload? work))
        {
            workloads[size.Name] = work = new Workload(size, device, folder);
        }

        return work;
    }

    /// <summary>The peer for a size under the settings that suit it best, loaded in float32; null where there is none.</summary>
    public Peer? PeerFor(WorkSize size)
    {
        if (NoPeer.Length > 0)
        {
            return null;
        }

        if (!peers.TryGetValue(size.Name, out Peer? best))
        {
            double leastSeconds = double.PositiveInfinity;
            IReadOnlyList<PeerSettings> candidates = PeerSettings.Candidates(Runtime.Threads, device);
            foreach (PeerSettings settings in candidates)
            {
                Peer? peer = Peer.TryStart(python, settings, device, out string problem);
                if (peer is null)
                {
                    NoPeer = $"{python}: {problem}";
                    return null;
                }

                peer.Load(Work(size), "float32");
                double seconds = Enumerable.Range(0, 4).Select(_ => peer.Run(GradientDifferenceBenchmark.PeerStep).Seconds).Skip(1).Min();
                (Peer? loser, best, leastSeconds) = seconds < leastSeconds ? (best, peer, seconds) : (peer, best, leastSeconds);
                loser?.Dispose();
            }

            best!.Load(Work(size), "float32"); // the steps above have moved it
            peers[size.Name] = best;
            Facts.Add(new($"PyTorch's settings for {size.Name}", best.Settings.Label));
            Say($"{size.Name}: PyTorch with {best.Settings.Label}, the fastest of {candidates.Count} settings");
        }

        return best;
    }

    public void Add(Result result)
    {
        Results.Add(result);
        Say($"{result.Work} {result.Size} {result.Type}: {Report.Duration(result.Comparison.OurMedian)}; {result.Against} {Report.Duration(result.Comparison.TheirMedian)}, ratio {result.Comparison.Ratio:0.00}");
    }

    /// <summary>Seconds that this many operations take at the measured peak.</summary>
    public double? Bound(double operations, ElementType type) => PeakRate.TryGetValue(type, out double rate) ? operations / rate : null;

    public void Dispose()
    {
        foreach (Peer peer in peers.Values)
        {
            peer.Dispose();
        }

        foreach (Workload work in workloads.Values)
        {
            work.Dispose();
        }
    }
}
