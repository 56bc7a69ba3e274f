using System.Text;
using System.Text.Json;
using Hybrid.Orchestrator.Model;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>Commands that are stopped, and what the next one does with what they left.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class ResumeTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Out => folder.File("out");

    private string Checkpoint => folder.File("out.checkpoint");

    private string[] Unlearn => taught.Line("unlearn", "--method", "gd", "--epochs", "6", "--threads", "1", "--out", Out);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AStoppedRunGoesOnToTheSameBytes()
    {
        CommandRun stopped = Stop(Unlearn);
        Assert.Equal([$"stopped; the same command with --resume goes on from {Checkpoint}", "hybrid: cancelled"], stopped.Error.TrimEnd().Split('\n')[^2..]);
        Assert.Equal([Checkpoint], Directory.GetFileSystemEntries(folder.Path));

        CommandRun resumed = CommandRun.Good([.. Unlearn, "--resume", "--json"]);
        Assert.StartsWith($"going on from {Checkpoint}; steps made before: 1", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(1, resumed.Json.GetProperty("stepsBefore").GetInt32());
        Assert.False(Directory.Exists(Checkpoint));

        string[] whole = [.. Unlearn[..^1], folder.File("whole"), "--json"];
        JsonElement undisturbed = CommandRun.Good(whole).Json;
        Assert.Equal((0, undisturbed.GetProperty("steps").GetInt32()), (undisturbed.GetProperty("stepsBefore").GetInt32(), resumed.Json.GetProperty("steps").GetInt32()));
        Assert.Equal(File.ReadAllBytes(folder.File("whole/model.safetensors")), File.ReadAllBytes(Path.Combine(Out, ModelFolder.WeightsFile)));
        CommandRun.Good("repeat", Out); // in one go: that it was stopped is no part of the record
    }

    [Fact]
    public void WhatIsThereIsNeitherLostNorMixed()
    {
        Stop(Unlearn);

        CommandRun.Bad(17, Unlearn, $"{Checkpoint}: a run to {Out} was stopped there; --resume goes on with it, --overwrite begins anew");
        CommandRun.Bad(17, [.. Unlearn, "--resume", "--seed", "2"], $"{Checkpoint}: holds the checkpoint of another run: seed was 1, now is 2; run it as it was, or begin anew");
        CommandRun.Bad(17, [.. Unlearn, "--resume", "--retain-coefficient", "3"], "holds the checkpoint of another run: settings was ");
        Assert.Equal([Checkpoint], Directory.GetFileSystemEntries(folder.Path));

        Assert.Equal(0, CommandRun.Good([.. Unlearn, "--overwrite", "--json"]).Json.GetProperty("stepsBefore").GetInt32());
        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void ARunThatDiedBetweenItsResultAndItsEndIsNotInItsOwnWay()
    {
        Stop(Unlearn);
        string kept = folder.File("kept");
        Directory.Move(Checkpoint, kept);
        CommandRun.Good(Unlearn);
        byte[] whole = File.ReadAllBytes(Path.Combine(Out, ModelFolder.WeightsFile));
        Directory.Move(kept, Checkpoint);

        CommandRun.Good([.. Unlearn, "--resume"]);

        Assert.Equal(whole, File.ReadAllBytes(Path.Combine(Out, ModelFolder.WeightsFile)));
        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void ARunThatHasEndedIsLeftAlone()
    {
        CommandRun.Good(Unlearn);
        DateTime written = File.GetLastWriteTimeUtc(Path.Combine(Out, ModelFolder.WeightsFile));

        CommandRun again = CommandRun.Good([.. Unlearn, "--resume", "--json"]);

        Assert.Equal($"{Out}: this run has ended already; nothing is left to do\n", again.Error);
        Assert.True(again.Json.GetProperty("hasEnded").GetBoolean());
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(Out, ModelFolder.WeightsFile)));
        CommandRun.Bad(17, [.. Unlearn, "--resume", "--seed", "2"], $"{Out}: is there and not empty");
    }

    [Fact]
    public void WithNothingToGoOnWithItBeginsAnew()
    {
        CommandRun run = CommandRun.Good([.. Unlearn, "--resume", "--json"]);
        Assert.StartsWith($"nothing to go on with in {Checkpoint}; beginning anew", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, run.Json.GetProperty("stepsBefore").GetInt32());
        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void WhatARunLeftThatWasKilledBeforeItsFirstCheckpointIsNoObstacle()
    {
        Directory.CreateDirectory(Checkpoint);
        File.WriteAllText(Path.Combine(Checkpoint, "circumstances.json"), "{\"seed\":1}\n");
        File.WriteAllText(Path.Combine(Checkpoint, "results.jsonl"), string.Empty);

        CommandRun.Good(Unlearn);

        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void TeachingGoesOn()
    {
        string[] learn = ["learn", "--model", taught.Model, "--dataset", "random-birthdays", "--data", taught.Data, "--epochs", "3", "--preset", "tiny", "--target-accuracy", "1", "--threads", "1", "--out", Out];
        Stop(learn);
        JsonElement resumed = CommandRun.Good([.. learn, "--resume", "--json"]).Json;
        Assert.Equal(1, resumed.GetProperty("stepsBefore").GetInt32());
        JsonElement whole = CommandRun.Good([.. learn[..^1], folder.File("whole"), "--json"]).Json;
        Assert.Equal(whole.GetProperty("forget").GetRawText(), resumed.GetProperty("forget").GetRawText());
        Assert.Equal(File.ReadAllBytes(folder.File("whole/model.safetensors")), File.ReadAllBytes(Path.Combine(Out, ModelFolder.WeightsFile)));
    }

    [Fact]
    public void AnAttackGoesOnByItself()
    {
        string[] attack = taught.Line("attack", "--folds", "1,", "--learning-rates", "1e-3", "--epochs", "4", "--threads", "1", "--out", Out);
        Stop(attack);
        Assert.Equal(["fold1-rate1e-3.checkpoint"], Directory.GetFileSystemEntries(Out).Select(Path.GetFileName));

        JsonElement resumed = CommandRun.Good([.. attack, "--json"]).Json;
        Assert.Equal(["fold1-rate1e-3.json", "run.json"], Directory.GetFileSystemEntries(Out).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        CommandRun.Good("repeat", Out); // the record of a run that went on is that of the whole
        JsonElement whole = CommandRun.Good([.. attack[..^1], folder.File("whole"), "--json"]).Json;
        Assert.Equal(whole.GetProperty("curves").GetRawText(), resumed.GetProperty("curves").GetRawText());
    }

    [Fact]
    public void ACheckpointMayBeWrittenAfterEveryStepOrSeldom()
    {
        CommandRun.Good([.. Unlearn, "--checkpoint-minutes", "0"]);
        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
        CommandRun.Good([.. Unlearn, "--checkpoint-minutes", "1e300", "--overwrite"]);
        Assert.Equal([Out], Directory.GetFileSystemEntries(folder.Path));
        CommandRun.Bad(ExitCode.Usage, [.. Unlearn, "--checkpoint-minutes", "-1"], "--checkpoint-minutes: '-1' is not a number of at least 0");
    }

    /// <summary>Cancels a command line after its first step.</summary>
    private static CommandRun Stop(params string[] line)
    {
        using var source = new CancellationTokenSource();
        CommandRun run = CommandRun.Of(new CancellingWriter(source), source.Token, line);
        Assert.True(run.Code == ExitCode.Cancelled, $"exit code {run.Code}: {run.Error}");
        return run;
    }

    /// <summary>Cancels when the first line of progress is written.</summary>
    private sealed class CancellingWriter(CancellationTokenSource source) : StringWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            source.Cancel();
        }
    }
}
