using Hybrid.Orchestrator.Experiments;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

[LeakLedger]
public sealed class ReportCommandTests
{
    [Fact]
    public void WritesBesideTheRunAndShowsTheTable()
    {
        using var folder = new TemporaryFolder();
        ResultsFile.Write(folder.Path, Report());

        CommandRun run = CommandRun.Good("report", folder.Path);

        Assert.StartsWith("Small [test]\n  Dataset: weather, made up for tests: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("\nAccuracy on weather after unlearning and after RTT:\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"before unlearning +│ +90\.0 \[85\.0, 95\.0\] │ +– │ +– │ +80\.0 │ +–", run.Output);
        Assert.Matches(@"GD \[a\] ! +│ +50\.0 │ +75\.0 │ +25\.0 │ +40\.0 │ +62\.5", run.Output);
        Assert.Contains("! did not keep retain accuracy", run.Output, StringComparison.Ordinal);
        Assert.Contains($"\n{folder.File("report.html")}\n{folder.File("tables/table1.md")}\n{folder.File("tables/table1.csv")}\n", run.Output, StringComparison.Ordinal);
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(folder.File("report.html")), StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralRunsGoToAFolderAndJsonNamesTheFiles()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["a", "b"])
        {
            Directory.CreateDirectory(folder.File(name));
            ResultsFile.Write(folder.File(name), Report() with { Name = name });
        }

        System.Text.Json.JsonElement json = CommandRun.Good("report", folder.File("a"), folder.File("b"), "--out", folder.File("out"), "--tables-only", "--json").Json;

        Assert.Equal(["a", "b"], json.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("name").GetString()));
        string[] files = [.. json.GetProperty("files").EnumerateArray().Select(file => file.GetString()!)];
        Assert.Contains(folder.File("out/tables/b-table1.csv"), files);
        Assert.Equal(files.Order(StringComparer.Ordinal), Directory.GetFiles(folder.File("out"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        Assert.False(Directory.Exists(folder.File("a/tables")));
    }

    [Fact]
    public void WhatIsNoFinishedExperimentIsNamed()
    {
        using var folder = new TemporaryFolder();

        CommandRun.Bad(17, ["report", folder.Path], folder.File("results.json"), "no such file; expected the folder of a finished `hybrid run`");
        File.WriteAllText(folder.File("results.json"), "{\n}");
        CommandRun.Bad(17, ["report", folder.Path], "results.json: not the results of this version");
        ResultsFile.Write(folder.Path, Report() with { Seeds = [1, 2] });
        CommandRun.Bad(17, ["report", folder.Path], "results.json: forgetBefore: 1 values; expected one for each of 2 seeds");
        CommandRun.Bad(ExitCode.Usage, ["report"], "; see hybrid report --help");
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    /// <summary>One method, one seed, and nothing that may be absent.</summary>
    private static ExperimentReport Report() => new()
    {
        Name = "small",
        Title = "Small [test]",
        Dataset = "weather",
        DatasetSource = "made up for tests",
        IsAblation = false,
        Model = "taught",
        Parameters = 1000,
        Layers = 2,
        Seeds = [1],
        Chance = 0.25,
        ForgetQuestions = 20,
        RetainQuestions = 20,
        Selection = null,
        ReportingFolds = [0],
        ForgetBefore = new Figure([0.9], 0.85, 0.95),
        RetainBefore = new Figure([0.8]),
        Density = [],
        Methods =
        [
            new MethodReport
            {
                Label = "GD [a]",
                Method = "gd",
                Picked = [new PickedSetting(1, new Dictionary<string, string>(), false, 10, 1, 1, 1e-4, 1)],
                Forget = new Figure([0.5]),
                Rtt = new Figure([0.75]),
                RttLast = new Figure([0.75]),
                Recovery = new Figure([0.25]),
                RecoveryRate = new Figure([0.625]),
                Retain = new Figure([0.4]),
                ForgetCalibrated = new Figure([0.5]),
                RttCurves = [],
                ForgetByPass = [],
                Losses = [],
                Quantization = [],
                Rounds = [],
                Candidates = [],
            },
        ],
        Cases = [],
        Provenance = new Provenance("0", "0", "0", "m", "cpu", 1, 1, DateTime.UnixEpoch, 1, "x: 1\n"),
    };
}
