using System.Diagnostics;
using System.Text.Json;
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
    private readonly Process process;

    private Peer(Process process, PeerSettings settings)
    {
        this.process = process;
        Settings = settings;
    }

    public PeerSettings Settings { get; }

    /// <summary>Starts it, or says in one line why there is none.</summary>
    public static Peer? TryStart(string python, PeerSettings settings, Device device, out string problem)
    {
        var start = new ProcessStartInfo(python, [Path.Combine(AppContext.BaseDirectory, "peer.py"), device == Device.Cpu ? "cpu" : $"cuda:{device.Code}"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in settings.Environment)
        {
            start.Environment[name] = value.Length == 0 ? null : value;
        }

        try
        {
            var peer = new Peer(Process.Start(start)!, settings);
            string errors = "";
            peer.process.ErrorDataReceived += (_, line) => errors = line.Data ?? errors;
            peer.process.BeginErrorReadLine();
            try
            {
                peer.Ask(new JsonObject { ["op"] = "versions" });
                problem = "";
                return peer;
            }
            catch (Exception error) when (error is IOException or InvalidOperationException)
            {
                peer.process.WaitForExit(2000);
                peer.Dispose();
                problem = errors.Length > 0 ? errors : error.Message;
                return null;
            }
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            problem = error.Message;
            return null;
        }
    }

    public void Load(Workload work, string dtype) => Ask(new JsonObject { ["op"] = "load", ["folder"] = work.Folder, ["dtype"] = dtype });

    /// <summary>Does the work once: its seconds, and what it computed, where it computes something.</summary>
    public (double Seconds, double[] Values) Run(JsonObject request)
    {
        JsonObject answer = Ask((JsonObject)request.DeepClone());
        // OpenBLAS's threads spin for a while before they sleep, and would take the cores from what is measured next.
        Thread.Sleep(60);
        return (answer["seconds"]!.GetValue<double>(), answer["values"] is JsonArray values ? [.. values.Select(value => value!.GetValue<double>())] : []);
    }

    public string Versions() => Ask(new JsonObject { ["op"] = "versions" })["torch"]!.GetValue<string>();

    public void Dispose()
    {
        process.StandardInput.Dispose();
        if (!process.WaitForExit(2000))
        {
            process.Kill();
        }

        process.Dispose();
    }

    private JsonObject Ask(JsonObject request)
    {
        process.StandardInput.WriteLine(request.ToJsonString());
        process.StandardInput.Flush();
        string line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the peer ended without an answer");
        var answer = JsonNode.Parse(line)!.AsObject();
        return answer["error"] is { } error ? throw new InvalidOperationException($"the peer failed: {error}") : answer;
    }
}
