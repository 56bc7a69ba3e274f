using System.Runtime.InteropServices;

namespace Hybrid.Orchestrator.Runs;

/// <summary>What a run ran on, for its record.</summary>
internal static class Machine
{
    private const string ProcessorFacts = "/proc/cpuinfo";

    /// <summary>Processor, number of processors, operating system.</summary>
    public static string Description => $"{Processor}, {Environment.ProcessorCount} processors, {RuntimeInformation.OSDescription}";

    private static string Processor => File.Exists(ProcessorFacts)
        && File.ReadLines(ProcessorFacts).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            : RuntimeInformation.ProcessArchitecture.ToString();
}
