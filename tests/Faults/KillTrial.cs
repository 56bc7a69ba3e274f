using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Hybrid.Orchestrator;

namespace Hybrid.Faults;

/// <summary>
/// Kills runs at random moments with SIGKILL, goes on with them, kills them again, and so on to their end; then compares every file that they left,
/// and every figure that they told, with those of a run that nobody touched.
/// </summary>
internal sealed class KillTrial : ITrial
{
    private const int Kills = 100;
    private const string People = "24";

    public string Name => "kill";

    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        HybridProcess.Good(surroundings, "data", "make-birthdays", "--people", People, "--seed", "3", "--out", "data");
        HybridProcess.Good(surroundings, "learn", "--dataset", "random-birthdays", "--data", "data", "--epochs", "12", "--threads", "1", "--out", "taught");
        File.WriteAllText(Path.Combine(surroundings.Scratch, "experiment.yaml"), Experiment);

        string[] data = ["--dataset", "random-birthdays", "--data", "data", "--threads", "1", "--json"], every = ["--checkpoint-minutes", "0"];
        Victim[] victims =
        [
            new("learn", "learn", ["learn", .. data, "--epochs", "8", .. every, "--out"], ["--resume"]),
            new("kunbr", "unlearn by KUnBR", ["unlearn", "--model", "taught", .. data, "--method", "kunbr", "--epochs", "10", "--epochs-per-block", "5", "--rounds", "2", .. every, "--out"], ["--resume"]),
            new("attack", "RTT attack", ["attack", "--model", "taught", .. data, "--folds", "0,1", "--learning-rates", "1e-4,1e-3", "--epochs", "6", .. every, "--out"], []),
            new("experiment", "experiment", ["run", "experiment.yaml", "--json", .. every, "--out"], []),
        ];
        var random = new SeededRandom(surroundings.Seed);
        int wanted = surroundings.Times(Kills), inWrite = 0, kills = 0, runs = 0;
        var differences = new List<string>();
        foreach (Victim victim in victims)
        {
            var clock = Stopwatch.StartNew();
            string expected = Describe(HybridProcess.Good(surroundings, [.. victim.Arguments, $"{victim.Folder}-whole"]), surroundings, $"{victim.Folder}-whole");
            TimeSpan whole = clock.Elapsed;
            surroundings.Tell($"{victim.Name}: {whole.TotalSeconds:F1} s undisturbed");
            for (int own = 0, share = (wanted + victims.Length - 1) / victims.Length; own < share;)
            {
                string folder = $"{victim.Folder}-{runs++}";
                int here = 0;
                while (true)
                {
                    // The share of the run that is left gets less with every kill; so must the wait, or most runs would end before it.
                    TimeSpan wait = whole * (random.NextDouble() / (1 + (0.15 * here)));
                    using HybridProcess process = new(surroundings, [.. victim.Arguments, folder, .. victim.GoOn]);
                    if (own + here >= share || !process.EndsWithin(wait))
                    {
                        if (own + here < share)
                        {
                            process.Kill();
                            here++;
                            inWrite += HalfWritten(surroundings.Scratch, folder) ? 1 : 0;
                            continue;
                        }
                    }

                    (int code, string output, string error) = process.End();
                    if (code != 0)
                    {
                        differences.Add($"{folder}, killed {here} times: exit code {code}: {error.Trim().Split('\n')[^1]}");
                    }
                    else if (Describe(output, surroundings, folder) is var found && found != (HasEnded(output) ? FilesOf(expected) : expected))
                    {
                        differences.Add($"{folder}, killed {here} times: {FirstDifference(expected, found)}");
                    }

                    break;
                }

                own += Math.Max(here, 1); // a run that ended before it was killed counts as an attempt, so that this ends
                kills += here;
                surroundings.Tell($"{folder}: killed {here} times");
            }

            yield return new Finding($"{victim.Name}, killed and gone on with", kills, differences.Count == 0 ? "every end is that of an undisturbed run, to the bit" : string.Join("; ", differences), differences.Count == 0);
            differences.Clear();
            kills = 0;
        }

        yield return new Finding("kills that left a half-written file behind", inWrite, "it was never read", true);
    }

    /// <summary>Whether a temporary file, which a finished write has renamed, is there.</summary>
    private static bool HalfWritten(string scratch, string folder) =>
        Directory.EnumerateFiles(scratch, "*.tmp.*", SearchOption.AllDirectories).Any(file => Path.GetRelativePath(scratch, file).StartsWith(folder, StringComparison.Ordinal) || file.Contains($".{folder}.partial", StringComparison.Ordinal));

    /// <summary>What a run told and left, without what differs from one undisturbed run to the next: times, places, memory.</summary>
    private static string Describe(string json, Surroundings surroundings, string folder)
    {
        List<string> lines = HasEnded(json) ? [] : [Timeless(JsonNode.Parse(json)!, folder)];
        string root = Path.Combine(surroundings.Scratch, folder);
        foreach (string file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(root, file);
            if (name.StartsWith("events", StringComparison.Ordinal) || name is "run.json" or "metrics.jsonl" or "report.html" || name.EndsWith(".md", StringComparison.Ordinal) || name.EndsWith(".csv", StringComparison.Ordinal))
            {
                continue; // times of day, and pages with them; the figures in them are in results.json
            }

            lines.Add(name.EndsWith(".json", StringComparison.Ordinal)
                ? $"{name}: {Timeless(JsonNode.Parse(File.ReadAllBytes(file))!, folder)}"
                : $"{name}: {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>Whether it was killed after its last write: its figures have been told, or will not be.</summary>
    private static bool HasEnded(string json) => JsonNode.Parse(json)!.AsObject().ContainsKey("hasEnded");

    private static string FilesOf(string description) => description[(description.IndexOf('\n') + 1)..];

    private static string Timeless(JsonNode node, string folder)
    {
        Strip(node);
        return node.ToJsonString().Replace(folder, "OUT", StringComparison.Ordinal);

        static void Strip(JsonNode? at)
        {
            if (at is JsonObject map)
            {
                foreach (string key in map.Select(entry => entry.Key).Where(key => key.Contains("seconds", StringComparison.OrdinalIgnoreCase) || key is "memory" or "stepsBefore" or "started" or "finished" or "inputFiles").ToArray())
                {
                    map.Remove(key);
                }

                foreach (KeyValuePair<string, JsonNode?> entry in map.ToArray())
                {
                    Strip(entry.Value);
                }
            }
            else if (at is JsonArray list)
            {
                foreach (JsonNode? item in list)
                {
                    Strip(item);
                }
            }
        }
    }

    private static string FirstDifference(string expected, string found)
    {
        string[] one = expected.Split('\n'), other = found.Split('\n');
        int line = Enumerable.Range(0, Math.Min(one.Length, other.Length)).FirstOrDefault(i => one[i] != other[i], Math.Min(one.Length, other.Length));
        if (line >= one.Length || line >= other.Length)
        {
            return $"{other.Length} files, not {one.Length}";
        }

        int at = one[line].Zip(other[line]).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"'…{Part(other[line], at)}' is not '…{Part(one[line], at)}'";

        static string Part(string text, int at) => text[Math.Max(0, at - 60)..Math.Min(text.Length, at + 60)];
    }

    private sealed record Victim(string Folder, string Name, string[] Arguments, string[] GoOn);

    private const string Experiment = """
        name: killed
        title: Killed and gone on with
        model: { teach: tiny }
        dataset: { name: random-birthdays, people: 16 }
        seeds: [1]
        device: cpu
        dtype: float32
        jobs: 1
        threads: 1
        forget-by-pass: true
        equal-steps: false
        methods:
          - { label: NPO, preset: tiny, method: npo, grid: { epochs: [3] } }
          - { label: KUnBR, preset: tiny, method: kunbr, grid: { epochs: [2], epochs-per-block: [2] } }
        attacks:
          rtt: { preset: tiny, folds: [0], learning-rates: [1e-3], epochs: 2 }
        utility:
          retain-text-nll: true
        """;
}
