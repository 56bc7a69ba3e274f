using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class ModelOutputTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Tokenizer tokenizer = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);

    private string Out => folder.File("out");

    private string[] Entries => [.. Directory.GetFileSystemEntries(folder.Path).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void AModelThatIsSavedIsAllThatStays()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: false))
        {
            Assert.False(Directory.Exists(Out));
            output.Save(model, tokenizer);
        }

        using LlamaModel read = ModelFolder.LoadModel(Out, ElementType.Float32, Device.Cpu);
        Assert.Empty(TestModels.Changed(model, read));
        Assert.Equal(["out"], Entries);
        Assert.Equal(0, ChangedShare.AgainstFolder(Out, model));
    }

    [Fact]
    public void TheRecordOfTheRunComesWithTheModelOrNothingDoes()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: false))
        {
            output.Save(model, tokenizer, record: made => File.WriteAllText(Path.Combine(made, "run.json"), $"{Directory.GetFiles(made).Length} {Directory.Exists(Out)}"));
        }

        Assert.Equal("3 False", File.ReadAllText(Path.Combine(Out, "run.json")));
        using LlamaModel read = ModelFolder.LoadModel(Out, ElementType.Float32, Device.Cpu);
        Assert.Empty(TestModels.Changed(model, read));
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: true)) // the record is a file of the model's folder
        {
            HybridException error = Assert.Throws<HybridException>(() => output.Save(model, tokenizer, record: _ => throw new IOException("full")));
            Assert.Equal((ErrorKind.Io, $"{Out}: cannot be written: full"), (error.Kind, error.Message));
        }

        Assert.Equal("3 False", File.ReadAllText(Path.Combine(Out, "run.json")));
        ModelFolder.Save(Out, model, tokenizer);
        Assert.False(File.Exists(Path.Combine(Out, "run.json"))); // another run's
        Assert.Equal(["out"], Entries);
    }

    [Fact]
    public void WhatIsNotSavedLeavesNothing()
    {
        ModelOutput.Reserve(Out, overwrite: false).Dispose();

        Assert.Empty(Entries);
    }

    [Fact]
    public void TheLastGoodModelLiesBeside()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        using (ModelOutput output = ModelOutput.Reserve(Out + "/", overwrite: false))
        {
            output.SaveLastGood(model, tokenizer);
        }

        Assert.Equal(["out.last-good"], Entries);
    }

    [Fact]
    public void ALastGoodModelReplacesNoOther()
    {
        using LlamaModel one = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1)), two = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(2));
        foreach ((LlamaModel model, string name) in new[] { (one, "out.last-good"), (two, "out.last-good-2") })
        {
            using ModelOutput output = ModelOutput.Reserve(Out, overwrite: false);
            output.SaveLastGood(model, tokenizer);
            Assert.Equal(folder.File(name), output.LastGoodFolder);
        }

        Assert.Equal(["out.last-good", "out.last-good-2"], Entries);
        Assert.Equal(0, ChangedShare.AgainstFolder(Out + ".last-good", one));
        Assert.Equal(0, ChangedShare.AgainstFolder(Out + ".last-good-2", two));
    }

    [Fact]
    public void WhatComesFromTheSourceIsKnownBeforeTheWork()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        string source = folder.File("source");
        ModelFolder.Save(source, model, tokenizer);
        File.WriteAllText(Path.Combine(source, "generation_config.json"), "{\"temperature\": 0.6}");
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: false, source))
        {
            Directory.Delete(source, recursive: true);
            output.Save(model, tokenizer);
        }

        Assert.Equal("{\"temperature\": 0.6}", File.ReadAllText(Path.Combine(Out, "generation_config.json")));
        Assert.Equal(["out"], Entries);
    }

    [Fact]
    public void TheRoomThatIsTakenIsTheModels()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: false))
        {
            output.TakeRoom(model);
            string room = Assert.Single(Directory.GetFiles(folder.Path, ".out.partial-*-room"));
            Assert.Equal(model.Config.ParameterCount * sizeof(float), new FileInfo(room).Length);
            output.Save(model, tokenizer);
        }

        Assert.Equal(["out"], Entries);
    }

    // A lock file that nobody holds is all that tells a dead process from a living one.
    [Fact]
    public void WhatADeadProcessLeftIsRemovedAndWhatALivingOneFillsIsNot()
    {
        string dead = Leave("dead"), foreign = Leave("foreign", machine: "another-machine");
        using ModelOutput living = ModelOutput.Reserve(Out, overwrite: false);
        string[] alive = [.. Entries.Where(name => !name.Contains(dead, StringComparison.Ordinal))];

        ModelOutput.Reserve(Out, overwrite: false).Dispose();

        Assert.Equal(alive, Entries);
        Assert.DoesNotContain(Entries, name => name.Contains(dead, StringComparison.Ordinal));
        Assert.Equal(2, Entries.Count(name => name.Contains(foreign, StringComparison.Ordinal)));
        Assert.Equal(4, Entries.Length); // the folder and the lock of each of the two that stay
    }

    [Fact]
    public void AModelThatWasOnItsWayOutComesBack()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        string id = Leave("dead");
        ModelFolder.Save(folder.File($".out.partial-{id}-old"), model, tokenizer);

        Assert.Contains("is there and not empty", Assert.Throws<HybridException>(() => ModelOutput.Reserve(Out, overwrite: false)).Message, StringComparison.Ordinal);

        Assert.Equal(["out"], Entries);
        Assert.Equal(0, ChangedShare.AgainstFolder(Out, model));
    }

    [Fact]
    public void OverwritingReplacesAModelAndNothingElse()
    {
        using LlamaModel one = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1)), two = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(2));
        ModelFolder.Save(Out, one, tokenizer);

        Assert.Contains("not empty", Assert.Throws<HybridException>(() => ModelOutput.Reserve(Out, overwrite: false)).Message, StringComparison.Ordinal);
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: true))
        {
            Assert.Equal(0, ChangedShare.AgainstFolder(Out, one)); // still there
            output.Save(two, tokenizer);
        }

        Assert.Equal(0, ChangedShare.AgainstFolder(Out, two));
        Assert.Equal(["out"], Entries);
        File.WriteAllText(Path.Combine(Out, "notes.txt"), "mine");
        Assert.Contains("notes.txt", Assert.Throws<HybridException>(() => ModelOutput.Reserve(Out, overwrite: true)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8256, long.MaxValue, 3)]
    [InlineData(long.MaxValue, 8256, 6)]
    [InlineData(8256, 8256, 6)]
    public void OverwritingKnowsShardsAndWhatTheyCameWith(long before, long after, int files)
    {
        using LlamaModel one = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1)), two = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(2));
        ModelFolder.Save(Out, one, tokenizer, shardBytes: before);
        File.WriteAllText(Path.Combine(Out, "generation_config.json"), "{}");

        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: true))
        {
            output.Save(two, tokenizer, after);
        }

        Assert.Equal(files, Directory.GetFileSystemEntries(Out).Length);
        Assert.Equal(0, ChangedShare.AgainstFolder(Out, two));
    }

    [Fact]
    public void AModelMayReplaceItsOwnSource()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        ModelFolder.Save(Out, model, tokenizer, shardBytes: 8256);
        File.WriteAllText(Path.Combine(Out, "generation_config.json"), "{\"temperature\": 0.6}");

        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: true, source: Out))
        {
            output.Save(model, tokenizer);
        }

        Assert.Equal("{\"temperature\": 0.6}", File.ReadAllText(Path.Combine(Out, "generation_config.json")));
        Assert.Equal(0, ChangedShare.AgainstFolder(Out, model));
        Assert.Equal(["out"], Entries);
    }

    [Fact]
    public void AnEmptyFolderMayBeUsed()
    {
        using LlamaModel model = ModelInitializer.Create(TestModels.Config(vocabulary: 258), new SeededRandom(1));
        Directory.CreateDirectory(Out);
        using (ModelOutput output = ModelOutput.Reserve(Out, overwrite: false))
        {
            output.Save(model, tokenizer);
        }

        Assert.Equal(["out"], Entries);
        Assert.Equal(3, Directory.GetFiles(Out).Length);
    }

    [Fact]
    public void AFolderUnderAFileCannotBeMade()
    {
        File.WriteAllText(folder.File("file"), "x");

        HybridException error = Assert.Throws<HybridException>(() => ModelOutput.Reserve(folder.File("file/out"), overwrite: false));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.Equal($"{folder.File("file/out")}: cannot be written: {folder.File("file")} is a file and no folder; name another place", error.Message);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>What a process leaves that is killed while it fills its folder; returns its part of the names.</summary>
    private string Leave(string content, string? machine = null)
    {
        string id = Guid.NewGuid().ToString("N"), staging = folder.File($".out.partial-{id}");
        Directory.CreateDirectory(staging);
        File.WriteAllText(Path.Combine(staging, "config.json"), content);
        File.WriteAllText(staging + ".lock", machine ?? Environment.MachineName);
        return id;
    }
}
