using System.Security.Cryptography;
using System.Text;
using Hybrid.Faults.Hostile;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests;

/// <summary>
/// Files from strangers: every reader reads them or refuses them on one line that names the file. A little of what
/// `build.sh faults --only hostile-files` does much of.
/// </summary>
[LeakLedger]
public sealed class HostileInputTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Kinds => [.. ReaderKinds.All.Select(kind => kind.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void WhatWasKeptIsReadOrRefused(string kind)
    {
        using InputFile file = Open(kind);
        string[] kept = Directory.GetFiles(RepositoryFolder.PathOf($"tests/assets/hostile/{kind}"));

        Assert.NotEmpty(kept);
        Assert.All(kept, path =>
        {
            byte[] input = File.ReadAllBytes(path);
            Assert.StartsWith(Path.GetFileName(path), Convert.ToHexStringLower(SHA256.HashData(input)), StringComparison.Ordinal); // not mended by an editor or git
            Assert.Null(Judge.Read(file, input).Fault);
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SoundFilesAreReadAndBrokenOnesAreReadOrRefused(string kind)
    {
        ReaderKind read = Kind(kind);

        Campaign campaign = Campaign.Run(read, folder.Path, new SeededRandom(1).Fork(kind), 500, []); // refused samples are faults

        Assert.Empty(campaign.Faults);
        Assert.Equal(500, campaign.Read + campaign.Refused);
        Assert.True(campaign.Refused > 50, $"only {campaign.Refused} of 500 were broken");
    }

    [Fact]
    public void EqualSeedsGiveEqualInputs()
    {
        byte[][] Inputs(ulong seed)
        {
            Mutator mutator = new(new SeededRandom(seed), Kind("config-json").Samples, []);
            return [.. Enumerable.Range(0, 20).Select(_ => mutator.Next())];
        }

        Assert.Equal(Inputs(3), Inputs(3));
        Assert.NotEqual(Inputs(3), Inputs(4));
    }

    [Theory]
    [InlineData("settings-yaml")]
    [InlineData("experiment-yaml")]
    [InlineData("dataset-yaml")]
    public void ManyKeysTakeNoMoreThanTheirShareOfTime(string kind) =>
        AssertRefused(kind, string.Concat(Enumerable.Range(0, 50_000).Select(i => $"k{i}: 1\n")), "50,000 unknown keys");

    [Theory]
    [InlineData("settings-yaml", "? ")]
    [InlineData("dataset-yaml", "? ")]
    [InlineData("tokenizer-json", "")]
    [InlineData("jsonl-questions", "")]
    [InlineData("config-json", "")]
    public void AVeryLongNameIsCutInTheMessage(string kind, string before)
    {
        string name = new('x', 1_000_000);

        AssertRefused(kind, before.Length > 0 ? $"{before}{name}\n: 1\n" : $"{{\"{name}\": 1}}", "a name of a million letters");
    }

    [Theory]
    [InlineData("tokenizer-json")]
    [InlineData("tokenizer-config")]
    [InlineData("special-tokens-map")]
    [InlineData("config-json")]
    [InlineData("weight-index")]
    [InlineData("jsonl-questions")]
    [InlineData("utility-rows")]
    [InlineData("experiment-yaml")]
    public void DeepNestingIsRefused(string kind)
    {
        AssertRefused(kind, new string('[', 100_000), "arrays");
        AssertRefused(kind, string.Concat(Enumerable.Repeat("{\"a\":", 100_000)), "objects");
    }

    [Fact]
    public void AGridThatMultipliesBeyondAllMeasureIsRefused()
    {
        string values = string.Join(", ", Enumerable.Range(1, 100));
        string text = Encoding.UTF8.GetString(Kind("experiment-yaml").Samples[0]).Replace(
            "retain-coefficient: [2, 4]", $"retain-coefficient: [{values}], epochs: [{values}], batch-size: [{values}]", StringComparison.Ordinal);

        HybridException refused = AssertRefused("experiment-yaml", text, "a million settings");
        Assert.Contains("methods.0.grid.epochs: with it there are more than 2000 settings to try", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GridsOfAllMethodsCountTogether()
    {
        string values = string.Join(", ", Enumerable.Range(1, 1500));
        string text = Encoding.UTF8.GetString(Kind("experiment-yaml").Samples[0]);
        string method = text.Split('\n').Single(line => line.Contains("label: GD", StringComparison.Ordinal)).Replace("[2, 4]", $"[{values}]", StringComparison.Ordinal);

        HybridException refused = AssertRefused("experiment-yaml", text.Replace("selection:", $"{method.Replace("GD", "B", StringComparison.Ordinal)}\n{method}\nselection:", StringComparison.Ordinal), "3,002 settings");
        Assert.Contains("methods.2.grid.retain-coefficient: with it there are more than 2000", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>The judge itself: what it is for is found.</summary>
    [Fact]
    public void TheJudgeFindsWhatIsWrong()
    {
        string? Fault(Action<string> read)
        {
            using InputFile file = new(new() { Name = "n", File = "f", Samples = [], Read = read }, folder.Path);
            return Judge.Read(file, [1, 2]).Fault;
        }

        Assert.Null(Fault(_ => { }));
        Assert.Null(Fault(path => throw new HybridException(ErrorKind.Config, $"{path}: wrong")));
        Assert.Equal("a message that names no file: wrong", Fault(_ => throw new HybridException(ErrorKind.Config, "wrong")));
        Assert.StartsWith("InvalidOperationException: a defect", Fault(_ => throw new InvalidOperationException("a defect")), StringComparison.Ordinal);
        Assert.StartsWith("allocated 2", Fault(_ => GC.KeepAlive(new byte[20_000_000])), StringComparison.Ordinal);
        Assert.StartsWith("took 2.", Fault(_ => Compute(TimeSpan.FromSeconds(2.1))), StringComparison.Ordinal);
    }

    private static void Compute(TimeSpan time)
    {
        // By both clocks that the judge looks at.
        var clock = System.Diagnostics.Stopwatch.StartNew();
        TimeSpan end = Environment.CpuUsage.TotalTime + time;
        while (Environment.CpuUsage.TotalTime < end || clock.Elapsed < time)
        {
            Thread.SpinWait(1000);
        }
    }

    private static ReaderKind Kind(string name) => ReaderKinds.All.Single(kind => kind.Name == name);

    private InputFile Open(string kind) => new(Kind(kind), folder.Path);

    /// <summary>Refused, and within the time and memory that the judge allows; gives the refusal.</summary>
    private HybridException AssertRefused(string kind, string text, string what)
    {
        using InputFile file = Open(kind);
        Verdict verdict = Judge.Read(file, Encoding.UTF8.GetBytes(text));

        Assert.True(verdict is { Fault: null, Accepted: false }, $"{kind}, {what}: {verdict.Fault ?? "was read"}");
        return Assert.Throws<HybridException>(() => file.Kind.Read(file.Path));
    }
}
