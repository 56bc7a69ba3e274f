using System.Text.Json.Nodes;
using Hybrid.Interop;

namespace Hybrid.Benchmarks;

/// <summary>How a peer's process is set up.</summary>
/// <param name="Label">For the report.</param>
/// <param name="Environment">What is set in its environment beside our own.</param>
internal sealed record PeerSettings(string Label, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>
    /// The settings worth trying for PyTorch over OpenBLAS. With Debian's usual OpenBLAS, which has threads of its own beside PyTorch's, one pool
    /// gets the cores (both at once is two to five times slower); with its OpenMP build both share one pool. OpenBLAS 0.3.21 takes many newer CPUs
    /// for its oldest kernels, so core types are tried, too.
    /// </summary>
    public static IReadOnlyList<PeerSettings> Candidates(int threads, Device device)
    {
        if (device != Device.Cpu)
        {
            return [new($"on {device}", new Dictionary<string, string>())];
        }

        const string shared = "/usr/lib/x86_64-linux-gnu/openblas-openmp";
        var found = new List<PeerSettings>();
        foreach (string core in new[] { "", "SkylakeX", "Cooperlake" })
        {
            if (core.Length > 0 && !System.Runtime.Intrinsics.X86.Avx512F.IsSupported)
            {
                continue;
            }

            string name = core.Length == 0 ? "default core" : core;
            found.Add(new($"OpenBLAS {threads} threads, {name}", Variables(1, threads, core)));
            if (Directory.Exists(shared))
            {
                found.Add(new($"OpenBLAS-OpenMP {threads} threads, {name}", new Dictionary<string, string>(Variables(threads, threads, core)) { ["LD_LIBRARY_PATH"] = shared }));
            }
        }

        return found;
    }

    private static Dictionary<string, string> Variables(int openMp, int openBlas, string core) => new()
    {
        ["OMP_NUM_THREADS"] = openMp.ToString(),
        ["OPENBLAS_NUM_THREADS"] = openBlas.ToString(),
        ["OPENBLAS_CORETYPE"] = core,
    };
}

/// <summary>A Python process that does the same work in plain PyTorch (peer.py) and times it.</summary>
internal sealed class Peer : IDisposable
{
    private readonly JsonProcess process;

    private Peer(JsonProcess process, PeerSettings settings)
    {
        this.process = process;
        Settings = settings;
    }

    public PeerSettings Settings { get; }

    /// <summary>Starts it, or says in one line why there is none.</summary>
    public static Peer? TryStart(string python, PeerSettings settings, Device device, out string problem) =>
        JsonProcess.TryStart(python, [Path.Combine(AppContext.BaseDirectory, "peer.py"), device.ToString()], settings.Environment, out _, out problem) is { } started
            ? new Peer(started, settings)
            : null;

    public void Load(Workload work, string dtype) => process.Ask(new JsonObject { ["op"] = "load", ["folder"] = work.Folder, ["dtype"] = dtype });

    /// <summary>Does the work once: its seconds, and what it computed, where it computes something.</summary>
    public (double Seconds, double[] Values) Run(JsonObject request)
    {
        JsonObject answer = process.Ask((JsonObject)request.DeepClone());
        // OpenBLAS's threads spin for a while before they sleep, and would take the cores from what is measured next.
        Thread.Sleep(60);
        return (answer["seconds"]!.GetValue<double>(), answer["values"] is JsonArray values ? [.. values.Select(value => value!.GetValue<double>())] : []);
    }

    public void Dispose() => process.Dispose();
}
