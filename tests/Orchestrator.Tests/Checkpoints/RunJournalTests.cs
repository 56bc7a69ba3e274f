using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Checkpoints;

/// <summary>The journal's folder: what lies in it, whom it lets in, what it does with damage.</summary>
[LeakLedger]
public sealed class RunJournalTests : IDisposable
{
    private readonly TemporaryFolder parent = new();
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(), 1);

    private string Folder => parent.File("journal");

    private string[] Checkpoints => [.. Directory.GetFiles(Folder, "checkpoint-*").Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        model.Dispose();
        parent.Dispose();
    }

    [Fact]
    public void AFolderWithoutAStateIsNotLeft()
    {
        using (Open())
        {
            Assert.True(RunJournal.IsIn(Folder));
        }

        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void AFinishedRunLeavesNothing()
    {
        using (RunJournal journal = Open())
        {
            Train(journal, "teach", 3);
            RunJournal.Once(journal, "accuracy", null, _ => 0.5);
            Assert.True(journal.HasState);
            Assert.Single(Checkpoints);
            journal.Finish();
        }

        Assert.False(Directory.Exists(Folder));
    }

    [Theory]
    [InlineData(".lock")] // killed while it deleted the rest
    [InlineData(".lock", "results.jsonl")]
    [InlineData(".lock", "circumstances.json.tmp.0123456789abcdef0123456789abcdef")]
    [InlineData(".lock", "circumstances.json", "results.jsonl", "checkpoint-00000003.safetensors")]
    public void WhatAnEndedRunLeftGoes(params string[] files)
    {
        Directory.CreateDirectory(Folder);
        Assert.All(files, file => File.WriteAllText(Path.Combine(Folder, file), string.Empty));

        RunJournal.Discard(Folder);
        RunJournal.Discard(Folder); // nothing is there, nothing happens

        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void OnlyTheNewestCheckpointStays()
    {
        using RunJournal journal = Open();
        Train(journal, "teach", 3);
        Assert.Equal(["checkpoint-00000003.safetensors"], Checkpoints.Select(Path.GetFileName));
    }

    [Fact]
    public void AnotherProcessIsRefused()
    {
        using RunJournal journal = Open();
        HybridException error = Assert.Throws<HybridException>(() => Open());
        Assert.Equal((ErrorKind.Io, $"{Folder}: another process is running in this folder"), (error.Kind, error.Message));
    }

    [Fact]
    public void TheStateOfAnotherRunIsRefusedByName()
    {
        Stop(3);
        HybridException error = Assert.Throws<HybridException>(() => Open(new { seed = 2, method = "gd" }));
        Assert.Equal((ErrorKind.Config, $"{Folder}: holds the checkpoint of another run: seed was 1, now is 2; run it as it was, or begin anew"), (error.Kind, error.Message));
        Assert.Equal("the checkpoint of another run: method was \"gd\", now is null", Between("holds ", ";", Assert.Throws<HybridException>(() => Open(new { seed = 1 })).Message));
        Assert.Single(Checkpoints);
        using RunJournal same = Open();
        Assert.Equal(3, same.StepsBefore);
    }

    [Theory]
    [InlineData(nameof(JournalStart.Anew), 1, 0)]
    [InlineData(nameof(JournalStart.Anew), 2, 0)]
    [InlineData(nameof(JournalStart.IfSame), 1, 3)]
    [InlineData(nameof(JournalStart.IfSame), 2, 0)]
    public void AStateIsThrownAwayWhereThatIsAskedFor(string start, int seed, int steps)
    {
        Stop(3);
        using RunJournal journal = Open(new { seed, method = "gd" }, Enum.Parse<JournalStart>(start));
        Assert.Equal((steps, steps > 0), (journal.StepsBefore, journal.HasState));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(-1)]
    [InlineData(-200)]
    public void ACheckpointThatIsCutShortIsPassedOverForTheOneBefore(int length)
    {
        Stop(2);
        string older = Checkpoints[0], copy = parent.File("older");
        File.Copy(older, copy);
        using (RunJournal journal = Open())
        {
            Assert.Equal(2, journal.StepsBefore);
            Train(journal, "teach", 4);
        }

        string newer = Checkpoints[0];
        Assert.NotEqual(older, newer);
        File.Copy(copy, older);
        using (FileStream file = File.OpenWrite(newer))
        {
            file.SetLength(length < 0 ? file.Length + length : length);
        }

        using (RunJournal journal = Open())
        {
            Assert.Equal(2, journal.StepsBefore);
            Assert.Equal(4, Train(journal, "teach", 4));
        }

        Assert.Equal("checkpoint-00000006.safetensors", Path.GetFileName(Assert.Single(Checkpoints)));
    }

    [Fact]
    public void ACheckpointOfOtherStagesIsRefused()
    {
        Stop(3);
        using RunJournal journal = Open();
        HybridException error = Assert.Throws<HybridException>(() => Train(journal, "unlearn", 5));
        Assert.Equal((ErrorKind.Config, $"{Folder}: the checkpoint's stage 1 is 'teach', the run's 'unlearn': the checkpoint is another run's; delete the folder to begin anew"), (error.Kind, error.Message));
    }

    [Fact]
    public void ACheckpointOfOtherTensorsIsRefused()
    {
        Stop(3);
        using RunJournal journal = Open();
        using LlamaModel wider = TestModels.Make(TestModels.Config(vocabulary: 24), 1);
        HybridException error = Assert.Throws<HybridException>(() => Train(journal, "teach", 5, wider));
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains("has no 'model/model.embed_tokens.weight' of Float64 [24, 8]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AResultIsComputedOnce()
    {
        var told = new List<TrainingProgress>();
        double[] value = [0.1, double.NaN, double.PositiveInfinity, 1 / 3.0];
        TrainingProgress step = new("density", 1, 2, 0.25, 1 / 3.0);
        using (RunJournal journal = Open())
        {
            Assert.Equal(value, RunJournal.Once(journal, "density", new SynchronousProgress<TrainingProgress>(told.Add), progress =>
            {
                progress!.Report(step);
                return value;
            }));
        }

        // The half of a line that a death left.
        File.AppendAllText(Path.Combine(Folder, "results.jsonl"), """{"key":"2 other","pro""");
        using (RunJournal journal = Open())
        {
            Assert.Equal(value, RunJournal.Once(journal, "density", new SynchronousProgress<TrainingProgress>(told.Add), _ => Array.Empty<double>()));
            Assert.Equal(2, RunJournal.Once(journal, "other", null, _ => 2));
        }

        using (RunJournal journal = Open())
        {
            RunJournal.Once(journal, "density", null, _ => Array.Empty<double>());
            Assert.Equal(2, RunJournal.Once(journal, "other", null, _ => 3));
        }

        Assert.Equal([step, step], told);
    }

    [Fact]
    public void AResultThatTheCheckpointNeedsAndThatIsNotThereIsAnError()
    {
        using (RunJournal journal = Open())
        {
            Train(journal, "teach", 2);
            RunJournal.Once(journal, "density", null, _ => 1.5);
            Train(journal, "unlearn", 2);
        }

        File.Delete(Path.Combine(Folder, "results.jsonl"));
        using RunJournal again = Open();
        Train(again, "teach", 2);
        HybridException error = Assert.Throws<HybridException>(() => RunJournal.Once(again, "density", null, _ => 0.0));
        Assert.Equal((ErrorKind.Config, $"{Path.Combine(Folder, "results.jsonl")}: lacks '1 density', which the checkpoint was made after; delete the folder to begin anew"), (error.Kind, error.Message));
    }

    [Theory]
    [InlineData("results.jsonl", "{}\n", "not the results of a run")]
    [InlineData("results.jsonl", "null\n", "not the results of a run")]
    [InlineData("circumstances.json", "{", "circumstances.json is damaged")]
    [InlineData("circumstances.json", "[]", "circumstances.json is damaged")]
    public void DamageIsAnErrorThatNamesTheFile(string file, string text, string expected)
    {
        Stop(2);
        File.WriteAllText(Path.Combine(Folder, file), text);
        HybridException error = Assert.Throws<HybridException>(() => Open());
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static string Between(string from, string to, string text) => text[(text.IndexOf(from, StringComparison.Ordinal) + from.Length)..text.IndexOf(to, StringComparison.Ordinal)];

    private RunJournal Open(object? circumstances = null, JournalStart start = JournalStart.Continue) =>
        RunJournal.Open(Folder, circumstances ?? new { seed = 1, method = "gd" }, TimeSpan.Zero, start);

    /// <summary>A run that ends after so many steps without having finished.</summary>
    private void Stop(int steps)
    {
        using RunJournal journal = Open();
        Train(journal, "teach", steps);
    }

    /// <summary>One training loop with a step a pass.</summary>
    private int Train(RunJournal journal, string stage, int steps, LlamaModel? other = null)
    {
        LlamaModel trained = other ?? model;
        TokenSequence[] examples = TestModels.Sequences(4, 23, 2);
        trained.SetTrainable(trained.Names);
        return new EpochLoop
        {
            Stage = stage,
            Model = trained,
            Optimizer = TestModels.Optimizer(OptimizerKind.Lion, 0.001),
            Epochs = steps,
            Examples = examples.Length,
            BatchSize = examples.Length,
            Random = new SeededRandom(3),
            KeepsLastGood = true,
            Journal = journal,
        }.Run(batch => new ForgetRetainLoss(Losses.MeanNll(trained, new PackedBatch([.. batch.Examples.Select(i => examples[i])])), null, null));
    }
}
