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

        Assert.Equal(ErrorKind.Io, Assert.Throws<HybridException>(() => ModelOutput.Reserve(folder.File("file/out"), overwrite: false)).Kind);
    }

    public void Dispose() => folder.Dispose();
}
