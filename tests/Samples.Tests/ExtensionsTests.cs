using System.Diagnostics;
using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>The walk of docs/adding-a-method.md: the page holds the program's text, and the program runs.</summary>
public sealed class ExtensionsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Files => [.. Directory.GetFiles(RepositoryFolder.PathOf("samples/Extensions")).Select(Path.GetFileName).Where(name => Path.GetExtension(name) is ".cs" or ".yaml").Select(name => name!)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void ThePageHoldsTheProgram(string file)
    {
        string page = File.ReadAllText(RepositoryFolder.PathOf("docs/adding-a-method.md")), text = File.ReadAllText(RepositoryFolder.PathOf($"samples/Extensions/{file}"));

        Assert.Contains($"\n{text.TrimEnd()}\n```\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsAddedIsRunResumedAndReported()
    {
        (int code, string output) = await RunAsync();

        Assert.Equal(0, code);
        string[] lines = output.TrimEnd().Split('\n');
        Assert.Equal(["", "before", "GD", "Task vector"], lines[..4].Select(line => line.Split('|')[0].Trim()));
        Assert.All(lines[..4], line => Assert.Equal(6, line.Split('|').Length));
        Assert.EndsWith("report.html", lines[4], StringComparison.Ordinal);

        using JsonDocument results = JsonDocument.Parse(File.ReadAllText(folder.File("run/results.json")));
        JsonElement root = results.RootElement;
        Assert.Equal(("islands", 30, 30), (root.GetProperty("dataset").GetString(), root.GetProperty("forgetQuestions").GetInt32(), root.GetProperty("retainQuestions").GetInt32()));
        Assert.InRange(Mean(root.GetProperty("metricsBefore").GetProperty("letter-confidence")), 0.5, 1); // the model was taught them
        foreach (JsonElement method in root.GetProperty("methods").EnumerateArray())
        {
            double after = Mean(method.GetProperty("ownAttacks").GetProperty("output-layer"));
            Assert.Equal(after * 12, Math.Round(after * 12), 1e-9); // two folds of six questions
            Assert.InRange(Mean(method.GetProperty("metrics").GetProperty("letter-confidence")), 0, 1);
        }

        string page = File.ReadAllText(folder.File("run/report.html"));
        Assert.Contains("Forget after output-layer,\u00A0%", page, StringComparison.Ordinal); // a heading does not break before its unit
        Assert.Contains("letter-confidence", page, StringComparison.Ordinal);

        string[] jobs = Directory.GetFiles(folder.File("run/jobs"), "*.json", SearchOption.AllDirectories);
        DateTime[] written = [.. jobs.Select(File.GetLastWriteTimeUtc)];
        (int again, string same) = await RunAsync();
        Assert.Equal((0, output), (again, same));
        Assert.Equal(written, jobs.Select(File.GetLastWriteTimeUtc)); // nothing was done again
    }

    private async Task<(int Code, string Output)> RunAsync()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Hybrid.Samples.Extensions.dll"), folder.File("run")]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    private static double Mean(JsonElement figure) => figure.GetProperty("perSeed").EnumerateArray().Average(value => value.GetDouble());
}
