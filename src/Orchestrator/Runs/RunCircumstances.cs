using System.Collections;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Runs;

/// <summary>The programs that a run ran with.</summary>
/// <param name="Hybrid">Version of Hybrid.</param>
/// <param name="Native">The native library: LibTorch, what computes matrix products, the CPU kernels' instruction set.</param>
/// <param name="Dotnet">Version of .NET.</param>
internal sealed record RunVersions(string Hybrid, string Native, string Dotnet);

/// <summary>What a run ran with and on, as far as bits may depend on it.</summary>
/// <param name="Versions">The programs.</param>
/// <param name="Machine">Processor, number of processors, operating system.</param>
/// <param name="Environment">Variables that set up the libraries underneath.</param>
internal sealed record RunCircumstances(RunVersions Versions, string Machine, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Threads, kernels and precision of the libraries underneath are set by variables with these beginnings.</summary>
    private static readonly string[] Prefixes = ["OMP_", "KMP_", "OPENBLAS_", "MKL_", "DNNL_", "ONEDNN_", "ATEN_", "CUBLAS_", "CUDA_", "NVIDIA_TF32_"];

    /// <summary>Those of this process.</summary>
    public static RunCircumstances Current => new(
        new RunVersions(typeof(RunCircumstances).Assembly.GetName().Version!.ToString(3), Runtime.BuildInfo, System.Environment.Version.ToString()),
        Runs.Machine.Description,
        System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(entry => Prefixes.Any(prefix => ((string)entry.Key).StartsWith(prefix, StringComparison.Ordinal)))
            .OrderBy(entry => (string)entry.Key, StringComparer.Ordinal).ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? string.Empty));

    /// <summary>What is otherwise now, one thing each.</summary>
    public IEnumerable<JsonDifference> Differences(RunCircumstances now)
    {
        (string What, string Then, string Now)[] facts =
        [
            ("hybrid", Versions.Hybrid, now.Versions.Hybrid), ("native", Versions.Native, now.Versions.Native), ("dotnet", Versions.Dotnet, now.Versions.Dotnet), ("machine", Machine, now.Machine),
            .. Environment.Keys.Union(now.Environment.Keys).Select(name => (name, Environment.GetValueOrDefault(name, "not set"), now.Environment.GetValueOrDefault(name, "not set"))),
        ];
        return facts.Where(fact => fact.Then != fact.Now).Select(fact => new JsonDifference(fact.What, fact.Then, fact.Now));
    }
}
