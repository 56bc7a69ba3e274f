using System.Diagnostics;
using System.Globalization;
using Hybrid.Orchestrator;

namespace Hybrid.Faults;

/// <summary>libFuzzer (native/fuzz) over the safetensors header, from the corpus of native/tests, in two processes.</summary>
internal sealed class SafetensorsTrial : ITrial
{
    private const int Inputs = 10_000_000;
    private const int Processes = 2;

    /// <summary>A bound for a slow machine: what was not reached by then is not done, and the count says so.</summary>
    private const int MostSeconds = 180;

    private const string Fuzzer = "artifacts/native-fuzz/lib/safetensors_fuzz";
    private const string What = "safetensors header";

    /// <inheritdoc/>
    public string Name => "safetensors";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        string fuzzer = Path.Combine(surroundings.Repository, Fuzzer);
        if (!File.Exists(fuzzer))
        {
            return [new(What, 0, $"left out: no {Fuzzer}, which needs clang++-16 with libFuzzer (packages clang-16 and libclang-rt-16-dev)", true)];
        }

        string corpus = Directory.CreateDirectory(Path.Combine(surroundings.Scratch, "corpus")).FullName;
        foreach (string file in Directory.GetFiles(Path.Combine(surroundings.Repository, "native/tests/corpus/safetensors")))
        {
            File.Copy(file, Path.Combine(corpus, Path.GetFileName(file)));
        }

        var random = new SeededRandom(surroundings.Seed).Fork(Name);
        string[] arguments =
        [
            corpus, $"-dict={Path.Combine(surroundings.Repository, "native/fuzz/safetensors.dict")}", "-max_len=512", "-timeout=5", "-rss_limit_mb=1024",
            $"-runs={surroundings.Times(Inputs) / Processes}", $"-max_total_time={MostSeconds}", $"-artifact_prefix={surroundings.Scratch}/", "-print_final_stats=1",
        ];
        Task<(int Code, string Output)>[] runs =
            [.. Enumerable.Range(0, Processes).Select(_ => 1 + random.NextInt(int.MaxValue - 1)).Select(seed => Start(fuzzer, [.. arguments, $"-seed={seed}"], surroundings.Tell))];
        return [.. runs.Select(run => ToFinding(run.Result, surroundings.Scratch))];
    }

    private static async Task<(int Code, string Output)> Start(string fuzzer, string[] arguments, Action<string> tell)
    {
        // libFuzzer writes everything to the error stream.
        using Process process = Process.Start(new ProcessStartInfo(fuzzer, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string text = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        tell(text.Split('\n').LastOrDefault(line => line.StartsWith("Done", StringComparison.Ordinal)) ?? $"exit code {process.ExitCode}");
        return (process.ExitCode, text);
    }

    private static Finding ToFinding((int Code, string Output) run, string artifacts)
    {
        const string Count = "stat::number_of_executed_units:";
        string[] lines = run.Output.Split('\n');
        string? counted = lines.FirstOrDefault(line => line.StartsWith(Count, StringComparison.Ordinal));
        long count = counted is null ? 0 : long.Parse(counted[Count.Length..], CultureInfo.InvariantCulture);
        if (run.Code == 0 && count > 0)
        {
            return new(What, count, "each read soundly or refused on one line, no fault by AddressSanitizer or UBSan", true);
        }

        string why = lines.FirstOrDefault(line => line.StartsWith("unsound", StringComparison.Ordinal) || line.Contains("ERROR:", StringComparison.Ordinal) || line.Contains("runtime error", StringComparison.Ordinal)) ?? lines.LastOrDefault(line => line.Length > 0) ?? "no output";
        string inputs = string.Join(", ", Directory.GetFiles(artifacts).Select(file => Convert.ToBase64String(File.ReadAllBytes(file))));
        return new(What, count, $"exit code {run.Code}: {why} [{inputs}]", false);
    }
}
