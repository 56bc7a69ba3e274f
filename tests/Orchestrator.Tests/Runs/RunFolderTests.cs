using System.Text.Json;
using Hybrid.Orchestrator.Runs;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Run => Path.Combine(folder.Path, "run");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TheRecordSaysWhatWasRunAndHowItEnded()
    {
        using (RunFolder run = RunFolder.Create(Run, "test", new { people = 10 }, [3, 4]))
        {
            Assert.Equal("running", Record().GetProperty("status").GetString());
            run.Log("event", new { value = 1 });
            run.Record(() => new { answer = 42 });
        }

        JsonElement record = Record();
        Assert.Equal(("test", "finished"), (record.GetProperty("command").GetString(), record.GetProperty("status").GetString()));
        Assert.Equal([3, 4], record.GetProperty("seeds").EnumerateArray().Select(seed => seed.GetInt32()));
        Assert.Equal((10, 42), (record.GetProperty("configuration").GetProperty("people").GetInt32(), record.GetProperty("result").GetProperty("answer").GetInt32()));
        Assert.Contains("\"kind\":\"event\"", Assert.Single(File.ReadAllLines(Path.Combine(Run, RunFolder.MetricsFile))), StringComparison.Ordinal);
    }

    [Fact]
    public void TheResultCanBeRecordedInShort()
    {
        using RunFolder run = RunFolder.Create(Run, "test", new { }, [1]);

        Assert.Equal("all of it", run.Record(() => "all of it", all => new { length = all.Length }));
        Assert.Equal(9, Record().GetProperty("result").GetProperty("length").GetInt32());
    }

    [Fact]
    public void FailureAndCancellationAreTwoThings()
    {
        using RunFolder run = RunFolder.Create(Run, "test", new { }, [1]);

        Assert.Throws<HybridException>(() => run.Record<object>(() => throw new HybridException(ErrorKind.Diverged, "broken")));
        Assert.Equal(("failed", "broken"), (Record().GetProperty("status").GetString(), Record().GetProperty("error").GetString()));

        Assert.Throws<OperationCanceledException>(() => run.Record<object>(() => throw new OperationCanceledException()));
        Assert.Equal("cancelled", Record().GetProperty("status").GetString());
    }

    [Fact]
    public void AFolderThatHoldsSomethingIsNotUsed()
    {
        File.WriteAllText(Path.Combine(folder.Path, "mine"), "kept");

        Assert.Equal(ErrorKind.Io, Assert.Throws<HybridException>(() => RunFolder.Create(folder.Path, "test", new { }, [1])).Kind);
        Assert.Contains("something that is no run", Assert.Throws<HybridException>(() => RunFolder.CreateOrContinue(folder.Path, "test", new { }, [1])).Message, StringComparison.Ordinal);
        Assert.Equal(["mine"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void WhatAProcessLeftThatWasKilledWhileItWroteGoes()
    {
        const string Unfinished = ".tmp.0123456789abcdef0123456789abcdef";
        Directory.CreateDirectory(Run);
        File.WriteAllText(Path.Combine(Run, RunRecord.FileName + Unfinished), "{"); // killed at its first write: still a folder for a run

        using (RunFolder.CreateOrContinue(Run, "test", new { }, [1]))
        {
        }

        Directory.CreateDirectory(Path.Combine(Run, "jobs"));
        string[] kept = [Path.Combine(Run, "jobs", "a.tmp.txt"), Path.Combine(Run, "jobs", "b.tmp.0123456789abcdef")];
        Assert.All([.. kept, Path.Combine(Run, "jobs", "c.json" + Unfinished)], file => File.WriteAllText(file, string.Empty));
        using (RunFolder.CreateOrContinue(Run, "test", new { }, [1]))
        {
            Assert.Equal(kept, Directory.GetFiles(Path.Combine(Run, "jobs")).Order(StringComparer.Ordinal));
        }

        Assert.Empty(Directory.GetFiles(Run, "*.tmp.*"));
    }

    [Fact]
    public void ARunIsContinuedByItsOwnCommandOnly()
    {
        using (RunFolder run = RunFolder.CreateOrContinue(Run, "run one", new { }, [1]))
        {
            run.Log("event", new { });
        }

        using (RunFolder again = RunFolder.CreateOrContinue(Run, "run one", new { }, [1]))
        {
            again.Log("event", new { });
        }

        Assert.Equal(2, File.ReadAllLines(Path.Combine(Run, RunFolder.MetricsFile)).Length);
        Assert.Contains("holds a run of 'run one'", Assert.Throws<HybridException>(() => RunFolder.CreateOrContinue(Run, "run two", new { }, [1])).Message, StringComparison.Ordinal);
        Assert.Throws<HybridException>(() => RunFolder.Create(Run, "run one", new { }, [1]));
    }

    [Fact]
    public void ASecondProcessInOneFolderIsRefused()
    {
        using RunFolder first = RunFolder.CreateOrContinue(Run, "run one", new { }, [1]);

        HybridException error = Assert.Throws<HybridException>(() => RunFolder.CreateOrContinue(Run, "run one", new { }, [1]));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.Contains("another process is running in this folder", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.9)]
    public void ARecordThatWasCutOffStillTellsItsCommand(double share)
    {
        RunFolder.Create(Run, "run one", new { }, [1]).Dispose();
        Cut(RunRecord.FileName, share);

        Assert.Contains("holds a run of 'run one'", Assert.Throws<HybridException>(() => RunFolder.CreateOrContinue(Run, "run two", new { }, [1])).Message, StringComparison.Ordinal);
        RunFolder.CreateOrContinue(Run, "run one", new { }, [1]).Dispose();
        Assert.Equal("run one", Record().GetProperty("command").GetString());
    }

    [Fact]
    public void AnEmptyRecordIsMendedAsTheErrorSays()
    {
        RunFolder.Create(Run, "run one", new { }, [1]).Dispose();
        Cut(RunRecord.FileName, 0);

        string message = Assert.Throws<HybridException>(() => RunFolder.CreateOrContinue(Run, "run one", new { }, [1])).Message;

        Assert.StartsWith(Path.Combine(Run, RunRecord.FileName), message, StringComparison.Ordinal);
        string mend = message[(message.IndexOf("write ", StringComparison.Ordinal) + 6)..message.IndexOf(" into it", StringComparison.Ordinal)];
        File.WriteAllText(Path.Combine(Run, RunRecord.FileName), mend);
        RunFolder.CreateOrContinue(Run, "run one", new { }, [1]).Dispose();
    }

    [Fact]
    public void ALineThatWasCutOffGoesAndTheOthersStay()
    {
        string metrics = Path.Combine(Run, RunFolder.MetricsFile);
        using (RunFolder run = RunFolder.CreateOrContinue(Run, "run one", new { }, [1]))
        {
            run.Log("first", new string('x', 5000)); // longer than what is read at a time from the end
            run.Log("second", new string('y', 9000));
        }

        Cut(RunFolder.MetricsFile, 0.9);
        using (RunFolder again = RunFolder.CreateOrContinue(Run, "run one", new { }, [1]))
        {
            again.Log("third", new { });
        }

        Assert.Equal(["first", "third"], File.ReadAllLines(metrics).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("kind").GetString()));
    }

    [Fact]
    public void ARecordThatCannotBeWrittenDoesNotHideTheError()
    {
        using RunFolder run = RunFolder.Create(Run, "test", new { }, [1]);
        File.Delete(Path.Combine(Run, RunRecord.FileName));
        Directory.CreateDirectory(Path.Combine(Run, RunRecord.FileName, "in-the-way"));

        Assert.Equal("broken", Assert.Throws<HybridException>(() => run.Record<object>(() => throw new HybridException(ErrorKind.Diverged, "broken"))).Message);
    }

    private void Cut(string name, double share)
    {
        using FileStream stream = File.OpenWrite(Path.Combine(Run, name));
        stream.SetLength((long)(stream.Length * share));
    }

    private JsonElement Record() => JsonDocument.Parse(File.ReadAllText(Path.Combine(Run, RunRecord.FileName))).RootElement;
}
