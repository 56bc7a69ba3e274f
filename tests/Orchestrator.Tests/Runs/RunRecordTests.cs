using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Runs;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class RunRecordTests : IDisposable
{
    /// <summary>FIPS 180-4's example of one block.</summary>
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    private const string Nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void DigestsAreThoseOfTheStandard()
    {
        File.WriteAllText(folder.File("abc"), "abc");
        File.WriteAllText(folder.File("empty"), string.Empty);
        File.CreateSymbolicLink(folder.File("link"), "abc");
        byte[] large = new byte[3_000_001];
        new Random(1).NextBytes(large);
        Directory.CreateDirectory(folder.File("in"));
        File.WriteAllBytes(folder.File("in/large"), large);

        FileDigest[] digests = [.. FileDigest.In(folder.Path, new[] { "in/large", "abc", "empty", "link" }.Select(folder.File))];

        Assert.Equal([new("abc", 3, Abc), new("empty", 0, Nothing), new("in/large", large.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(large))), new("link", 3, Abc)], digests);
        Assert.Equal(ErrorKind.Io, Assert.Throws<HybridException>(() => FileDigest.Of([folder.File("none")])).Kind);
    }

    [Fact]
    public void WhatChangedIsSaidAndADeviceIsNotRead()
    {
        string path = folder.File("abc");
        File.WriteAllText(path, "abc");
        FileDigest digest = FileDigest.Of([path])[0];

        Assert.Null(digest.ChangeOf(path));
        File.WriteAllText(path, "abd");
        Assert.Contains("has SHA-256 ", digest.ChangeOf(path), StringComparison.Ordinal);
        File.WriteAllText(path, "abcd");
        Assert.Equal("has 4 bytes, then it had 3", digest.ChangeOf(path));
        File.Delete(path);
        Assert.Equal("is not there any more", digest.ChangeOf(path));
        Assert.Equal("has 0 bytes, then it had 3", digest.ChangeOf("/dev/zero")); // which never ends
        Assert.Null(new FileDigest("/dev/zero", 0, Nothing).ChangeOf("/dev/zero"));
    }

    [Fact]
    public void AFileThatChangesWhileItIsReadHasNoDigest()
    {
        File.WriteAllText(folder.File("kept"), "abc");
        File.WriteAllText(folder.File("changed"), "abc");
        File.WriteAllText(folder.File("removed"), "abc");
        WatchedFiles files = WatchedFiles.Begin(new[] { "kept", "changed", "removed", "never there", "kept" }.Select(folder.File));

        File.WriteAllText(folder.File("changed"), "abd");
        File.SetLastWriteTimeUtc(folder.File("changed"), DateTime.UtcNow.AddSeconds(5));
        File.Delete(folder.File("removed"));

        Assert.Equal([new(folder.File("changed"), 0, null), new(folder.File("kept"), 3, Abc), new(folder.File("removed"), 0, null)], files.End());
        Assert.Contains("was changed or went away while the run was reading it", files.End()[0].ChangeOf(folder.File("changed")), StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesThatDifferAreNamedByTheirPlace()
    {
        JsonNode then = JsonNode.Parse("""{"a": [1, {"seconds": 3, "b": "x"}], "c": 1.0, "d": null, "f": [1]}""")!;
        JsonNode now = JsonNode.Parse("""{"a": [1, {"seconds": 4, "b": "y"}], "c": 1.5, "e": 2, "f": []}""")!;

        Assert.Equal(
            [new("a[1].b", "\"x\"", "\"y\""), new("c", "1.0", "1.5"), new("d", "null", "absent"), new("f[0]", "1", "absent"), new("e", "absent", "2")],
            JsonDifference.Between(then, now, ["seconds"]));
        Assert.Empty(JsonDifference.Between(then, then.DeepClone(), []));
        Assert.Equal([new(string.Empty, "1", "[]")], JsonDifference.Between(1, new JsonArray(), []));
    }

    [Fact]
    public void ARecordIsReadBackAsItWasWritten()
    {
        RunRecord record = Record("jobs/a.json");

        record.Write(folder.Path);
        RunRecord read = RunRecord.Read(folder.Path);

        Assert.Equal("run small", RunRecord.CommandIn(folder.Path));
        Assert.Equal((record.Started, record.WallSeconds, record.Versions), (read.Started, read.WallSeconds, read.Versions));
        Assert.Equal([ulong.MaxValue], read.Seeds);
        Assert.Equal("NaN", RunRecord.NodeOf(new { loss = double.NaN })!["loss"]!.GetValue<string>());
        Assert.Empty(record.Circumstances.Differences(read.Circumstances));
        RunCircumstances other = read.Circumstances with { Machine = "n", Environment = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "2" } };
        Assert.Equal([new("machine", "m", "n"), new("OMP_NUM_THREADS", "not set", "2")], record.Circumstances.Differences(other));
    }

    [Fact]
    public void JobsAreComparedWithoutTheirTimes()
    {
        string then = Write("then", """{"fingerprint": "1", "seconds": 1.5, "result": {"seconds": 1.25, "hits": "0110"}}""");
        string now = Write("now", """{"fingerprint": "2", "seconds": 0.5, "result": {"seconds": 9, "hits": "0110"}}""");
        string other = Write("other", """{"fingerprint": "1", "seconds": 1.5, "result": {"seconds": 1.25, "hits": "0111"}}""");

        Assert.True(Compare(then, now).Same);
        FileComparison file = Assert.Single(Compare(then, other).Files);
        Assert.Equal("1 values differ", file.Problem);
        Assert.Equal([new("result.hits", "\"0110\"", "\"0111\"")], file.Fields);
        RunComparison lacking = RunComparison.Of(RunRecord.Read(then), then, RunRecord.Read(now) with { Outputs = [] }, now);
        Assert.Equal(("only the run has it", false), (Assert.Single(lacking.Files).Problem, lacking.Same));
        RunComparison settings = RunComparison.Of(RunRecord.Read(then), then, RunRecord.Read(now) with { Configuration = new JsonObject { ["people"] = 11 } }, now);
        Assert.Equal([new("configuration.people", "10", "11")], settings.Record);
    }

    private static RunComparison Compare(string then, string now) => RunComparison.Of(RunRecord.Read(then), then, RunRecord.Read(now), now);

    private string Write(string name, string job)
    {
        string path = Directory.CreateDirectory(folder.File($"{name}/jobs")).FullName;
        File.WriteAllText(Path.Combine(path, "a.json"), job);
        (Record() with { Outputs = FileDigest.In(folder.File(name), [Path.Combine(path, "a.json")]) }).Write(folder.File(name));
        return folder.File(name);
    }

    private static RunRecord Record(params string[] outputs) => new()
    {
        Command = "run small",
        Arguments = ["--set=seeds=[1]"],
        WorkingFolder = "/",
        Status = RunStatus.Finished,
        Seeds = [ulong.MaxValue],
        Configuration = new JsonObject { ["people"] = 10 },
        Threads = 1,
        Versions = new RunVersions("h", "n", "d"),
        Machine = "m",
        Environment = new Dictionary<string, string>(),
        Inputs = [],
        Outputs = [.. outputs.Select(path => new FileDigest(path, 3, Abc))],
        Started = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
        WallSeconds = 1.5,
        PeakMemoryBytes = 1,
    };
}
