using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>A whole experiment by command, in a size that takes seconds.</summary>
[LeakLedger]
public sealed class RunCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string file;

    public RunCommandTests()
    {
        file = folder.File("small.yaml");
        File.WriteAllText(file, """
            name: small
            title: A small experiment
            model: { teach: tiny }
            dataset: { name: random-birthdays, people: 10 }
            seeds: [1]
            device: cpu
            dtype: float32
            jobs: 1
            threads: 1
            forget-by-pass: false
            equal-steps: true
            methods:
              - { label: GD, preset: tiny, method: gd, gd: { epochs: 2 } }
              - { label: KUnBR, preset: tiny, method: kunbr, kunbr: { pre-unlearning: { epochs: 1 }, selected-blocks: 1 } }
            attacks:
              rtt: { preset: tiny, folds: [1], epochs: 1, learning-rates: [1e-4] }
            utility: { retain-text-nll: false }
            """);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ItRunsShowsAndKeepsEverythingAndRunsNothingTwice()
    {
        string run = folder.File("run");

        CommandRun first = CommandRun.Good("run", file, "--out", run);

        Assert.StartsWith("A small experiment\n", first.Output, StringComparison.Ordinal);
        Assert.Matches("GD +│ +[0-9.]+ ", first.Output);
        Assert.Contains(folder.File("run/report.html"), first.Output, StringComparison.Ordinal);
        Assert.All(["run.json", "metrics.jsonl", "results.json", "report.html", "tables/table1.csv", "models/seed1/kunbr/model.safetensors", "data/seed1/random_bd/split_0.jsonl"], name => Assert.True(File.Exists(folder.File("run/" + name)), name));
        Assert.NotEmpty(Directory.GetFiles(folder.File("run/events/seed1/gd"), "events.out.tfevents.*"));
        Assert.Equal("finished", JsonDocument.Parse(File.ReadAllText(folder.File("run/run.json"))).RootElement.GetProperty("status").GetString());

        int jobs = File.ReadAllLines(folder.File("run/metrics.jsonl")).Length;
        JsonElement again = CommandRun.Good("run", file, "--out", run, "--json").Json;
        Assert.Equal(jobs, File.ReadAllLines(folder.File("run/metrics.jsonl")).Length);
        Assert.Equal(2, again.GetProperty("methods").GetArrayLength());
        RepeatsTheSame(run);
    }

    /// <summary>Repeating is done from the record alone: the experiment's file may have changed since.</summary>
    private void RepeatsTheSame(string run)
    {
        File.Delete(file);
        CommandRun repeat = CommandRun.Good("repeat", run, "--keep", folder.File("kept"));
        Assert.Contains("run small came out the same: 18 files", repeat.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.File("kept/report.html")));

        string record = Path.Combine(run, "run.json"), job = Path.Combine(run, "jobs/seed1/gd/unlearn.json");
        File.WriteAllText(job, File.ReadAllText(job).Replace("\"steps\":2", "\"steps\":3", StringComparison.Ordinal));
        CommandRun.Bad(18, ["repeat", run], "jobs/seed1/gd/unlearn.json: output of the run: has SHA-256");
        File.WriteAllText(record, File.ReadAllText(record).Replace("\"name\": \"small\"", "\"name\": \"../small\"", StringComparison.Ordinal));
        CommandRun.Bad(17, ["repeat", run], "run.json: configuration: name '../small' may hold letters, digits and hyphens only");
    }

    [Fact]
    public void APlanDoesNothing()
    {
        JsonElement plan = CommandRun.Good("run", file, "--out", folder.File("run"), "--set", "seeds=[4, 5]", "--plan", "--json").Json;

        Assert.Equal(2, plan.GetProperty("stages")[0].GetProperty("jobs").GetInt32());
        Assert.True(plan.GetProperty("parameters").GetInt64() > 100_000);
        Assert.False(Directory.Exists(folder.File("run")));
        Assert.Contains("optimizer steps", CommandRun.Good("run", file, "--plan", "--jobs", "3").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void MistakesAreOneLine()
    {
        CommandRun.Bad(17, ["run", folder.File("none.yaml")], "none.yaml: no such file");
        CommandRun.Bad(17, ["run", file, "--set", "sedes=[1]"], "unknown key 'sedes'");
        CommandRun.Bad(17, ["run", file, "--out", folder.File("run"), "--set", "attacks.rtt.folds=[7]"], "attacks.rtt.folds: there is no fold 7; expected 0 to 4");
        CommandRun.Bad(14, ["run", file, "--out", folder.File("run"), "--set", "methods.1.kunbr.blocks=9"], "KUnBR: 8 layers cannot be cut into 9 blocks");
        CommandRun.Bad(17, ["run", file, "--set", "device=gpu"], "small.yaml: device: ");
        CommandRun.Bad(19, ["run", file, "--out", folder.Path], "holds something that is no run");
        CommandRun.Bad(ExitCode.Usage, ["run"]);
    }

    [Fact]
    public void ACancelledRunSaysSoAndGoesOn()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        string run = folder.File("run");

        Assert.Equal(ExitCode.Cancelled, CommandRun.Of(new StringWriter(), stop.Token, "run", file, "--out", run).Code);
        Assert.Equal("cancelled", JsonDocument.Parse(File.ReadAllText(folder.File("run/run.json"))).RootElement.GetProperty("status").GetString());
        CommandRun.Bad(17, ["report", run], "results.json: no such file");

        CommandRun.Good("run", file, "--out", run);
    }
}
