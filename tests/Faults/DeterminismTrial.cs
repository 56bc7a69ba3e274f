using System.Diagnostics;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Faults;

/// <summary>
/// Equal seeds and threads must give equal bytes: every method, teaching, density and attack in both element types and with both roundings, twice in one
/// process and again in another; then whole commands, whose runs <c>hybrid repeat</c> must find the same.
/// </summary>
internal sealed class DeterminismTrial : ITrial
{
    private const int People = 15;
    private const int HashedMegabytes = 512;

    /// <inheritdoc/>
    public string Name => "determinism";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        SameBytesCase[] cases = [.. SameBytes.All.Take(Math.Max(2, surroundings.Times(SameBytes.All.Count())))];
        surroundings.Tell($"{cases.Length} pieces of work, twice in one process");
        ILookup<string, string> twice = SameBytesProcess.Twice(surroundings.Seed, cases.Length);
        surroundings.Tell("and once more in another process");
        ILookup<string, string> other = SameBytesProcess.Once(surroundings.Seed, cases.Length);
        foreach (int threads in cases.Select(one => one.Threads).Distinct())
        {
            SameBytesCase[] own = [.. cases.Where(one => one.Threads == threads)];
            yield return Found($"work done twice in one process, threads {threads}", own, one => twice[one.Name].Distinct().Count() == 1);
            yield return Found($"work done in two processes, threads {threads}", own, one => twice[one.Name].Concat(other[one.Name]).Distinct().Count() == 1);
        }

        SameBytesCase[] pairs = [.. cases.Where(one => one.Threads == 1 && cases.Contains(one with { Threads = 2 }))];
        int agree = pairs.Count(one => twice[one.Name].First() == twice[(one with { Threads = 2 }).Name].First());
        yield return new Finding("1 and 2 threads (not required)", pairs.Length, $"{agree} give the same bytes", Good: true);

        // Work that ignored its chance would be the same, too.
        string[] digests = [.. cases.Where(one => one.Threads == 1).Select(one => twice[one.Name].First())];
        yield return new Finding("work of different kinds", digests.Length, $"{digests.Distinct().Count()} different results", digests.Distinct().Count() == digests.Length);

        yield return HashSpeed(surroundings);
        foreach (Finding finding in Commands(surroundings))
        {
            yield return finding;
        }
    }

    /// <summary>What a record's digests cost: processor time, which other programs on the machine change little.</summary>
    private static Finding HashSpeed(Surroundings surroundings)
    {
        string path = Path.Combine(surroundings.Scratch, "bytes");
        byte[] part = new byte[1 << 20];
        new Random(1).NextBytes(part);
        using (FileStream file = File.Create(path))
        {
            for (int i = 0; i < HashedMegabytes; i++)
            {
                file.Write(part);
            }
        }

        using var self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        FileDigest digest = FileDigest.Of([path])[0];
        self.Refresh();
        double seconds = (self.TotalProcessorTime - before).TotalSeconds;
        File.Delete(path);
        return new Finding("SHA-256 of a file in memory, bytes", digest.Bytes, FormattableString.Invariant($"{digest.Bytes / seconds / 1e9:F2} GB a second of one processor"), Good: true);
    }

    /// <summary>Whole commands and their repetitions, every one a process.</summary>
    private static IEnumerable<Finding> Commands(Surroundings surroundings)
    {
        string data = Path.Combine(surroundings.Scratch, "data"), taught = Path.Combine(surroundings.Scratch, "taught");
        Require(surroundings, "data", "make-birthdays", "--people", $"{People}", "--seed", $"{surroundings.Seed}", "--out", data);
        string[] dataset = ["--dataset", "random-birthdays", "--data", data];
        Require(surroundings, ["learn", .. dataset, "--epochs", "2", "--threads", "2", "--out", taught]);
        string[] unlearn = ["unlearn", "--model", taught, .. dataset, "--epochs", "1", "--method"];
        (string Name, string[] Line)[] runs =
        [
            ("kunbr", [.. unlearn, "kunbr", "--threads", "2", "--dtype", "bfloat16", "--rounding", "stochastic"]),
            ("attack", ["attack", "--model", taught, .. dataset, "--folds", "1", "--learning-rates", "1e-3,1e-4", "--epochs", "1", "--threads", "2", "--jobs", "2"]),
            .. new[] { "rmu", "ga", "gd", "ria", "npo", "simnpo", "dpo" }.Select(method => (method, (string[])[.. unlearn, method, "--threads", "1"])),
        ];
        List<string> failed = [];
        runs = [.. runs.Take(surroundings.Times(runs.Length))];
        if (Repeat(surroundings, taught) != 0)
        {
            failed.Add("learn");
        }

        foreach ((string name, string[] line) in runs)
        {
            surroundings.Tell($"hybrid repeat of {name}");
            string folder = Path.Combine(surroundings.Scratch, name);
            Require(surroundings, [.. line, "--out", folder]);
            if (Repeat(surroundings, folder) != 0)
            {
                failed.Add(name);
            }
        }

        yield return new Finding("hybrid repeat of a command's run", runs.Length + 1, failed.Count == 0 ? "all the same" : $"not the same: {string.Join(", ", failed)}", failed.Count == 0);
    }

    private static Finding Found(string what, SameBytesCase[] cases, Func<SameBytesCase, bool> same)
    {
        string[] differing = [.. cases.Where(one => !same(one)).Select(one => one.Name)];
        return new Finding(what, cases.Length, differing.Length == 0 ? "all the same" : $"not the same: {string.Join(", ", differing)}", differing.Length == 0);
    }

    private static int Repeat(Surroundings surroundings, string folder) => Hybrid(surroundings, "repeat", folder).Code;

    private static void Require(Surroundings surroundings, params string[] arguments)
    {
        (int code, string error) = Hybrid(surroundings, arguments);
        if (code != 0)
        {
            throw new InvalidOperationException($"hybrid {string.Join(' ', arguments)} ended with code {code}: {error}");
        }
    }

    private static (int Code, string Error) Hybrid(Surroundings surroundings, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(surroundings.Hybrid, arguments) { WorkingDirectory = surroundings.Scratch, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error.Result.Trim());
    }
}
