using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class ModelFolderTests : IDisposable
{
    private static readonly Tokenizer Bytes = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);
    private readonly TemporaryFolder folder = new();

    private string Weights => folder.File(ModelFolder.WeightsFile);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(ElementType.Float32, false)]
    [InlineData(ElementType.Float64, true)]
    [InlineData(ElementType.BFloat16, false)]
    public void WhatIsSavedLoadsBitForBit(ElementType type, bool tied)
    {
        LlamaConfig config = TestModels.Config(vocabulary: 258, tied: tied, scaling: tied ? new RopeScaling(8, 1, 4, 64) : null);
        using LlamaModel model = TestModels.Make(config, 1, type);
        model.SetTrainable(model.Names); // as it is after training
        ModelFolder.Save(folder.Path, model, Bytes);

        using LlamaModel loaded = ModelFolder.LoadModel(folder.Path, type, Device.Cpu);

        Assert.Equal(config, loaded.Config);
        Assert.Empty(TestModels.Changed(model, loaded));
        Assert.All(ModelFolder.Describe(folder.Path), tensor => Assert.Equal(type, tensor.Type));
        Assert.Equal(Bytes.Encode("Answer: B"), ModelFolder.LoadTokenizer(folder.Path, config).Encode("Answer: B"));
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ABfloat16FolderLoadsAsFloat32()
    {
        using LlamaModel model = Saved(ElementType.BFloat16);
        using LlamaModel wide = ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);

        Assert.Equal(ElementType.Float32, wide[ParameterNames.FinalNorm].ElementType);
        Assert.Equal(0, TestModels.Distance(model, wide));
    }

    // The fault program does this a thousand times with a larger one.
    [Fact]
    public void ModelsLoadedAndFreedLeaveNoMemory()
    {
        const long Mib = 1 << 20;
        using (LlamaModel model = TestModels.Make(TestModels.Config(hidden: 128, vocabulary: 258), 1, ElementType.Float32))
        {
            ModelFolder.Save(folder.Path, model, Bytes);
        }

        long weights = new FileInfo(Weights).Length, before = 0;
        for (int i = 0; i < 120; i++)
        {
            before = i == 40 ? Resident() : before;
            ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu).Dispose();
        }

        Assert.True(80 * weights > 50 * Mib, $"{weights}"); // else a leak of whole models would not show
        Assert.InRange(Resident() - before, -50 * Mib, 8 * Mib);

        static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Environment.WorkingSet;
        }
    }

    [Fact]
    public void SavingReplacesAModelThatIsThere()
    {
        using LlamaModel first = Saved(), second = TestModels.Make(first.Config, 99, ElementType.Float32);
        ModelFolder.Save(folder.Path, second, Bytes);

        using LlamaModel loaded = ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);

        Assert.Empty(TestModels.Changed(second, loaded));
    }

    [Fact]
    public void AMissingTensorIsNamed()
    {
        using LlamaModel model = Saved();
        string missing = ParameterNames.Layer(1, "mlp.gate_proj");
        Rewrite(model, pairs => pairs.Where(pair => pair.Key != missing));

        AssertRejected(ErrorKind.ModelFile, Weights, $"'{missing}' is missing");
    }

    [Fact]
    public void ATensorTooManyIsNamed()
    {
        using LlamaModel model = Saved();
        Rewrite(model, pairs => pairs.Append(new("model.layers.0.self_attn.q_proj.bias", model[ParameterNames.FinalNorm])));

        AssertRejected(ErrorKind.ModelFile, Weights, "'model.layers.0.self_attn.q_proj.bias'");
    }

    [Fact]
    public void ATensorOfAnotherShapeIsNamedWithBothShapes()
    {
        using LlamaModel model = Saved();
        string name = ParameterNames.Layer(0, "mlp.down_proj");
        using Tensor turned = model[name].Reshape(12, 8);
        Rewrite(model, pairs => pairs.Select(pair => pair.Key == name ? new(name, turned) : pair));

        AssertRejected(ErrorKind.ModelFile, Weights, $"'{name}'", "[12, 8]", "[8, 12]");
    }

    [Fact]
    public void RotaryBuffersOfOldExportersArePassedOver()
    {
        using LlamaModel model = Saved();
        Rewrite(model, pairs => pairs.Append(new("model.layers.0.self_attn.rotary_emb.inv_freq", model[ParameterNames.FinalNorm])));

        using LlamaModel loaded = ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);

        Assert.Empty(TestModels.Changed(model, loaded));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(-1)]
    public void ATruncatedFileIsNamed(int length)
    {
        using LlamaModel model = Saved();
        byte[] bytes = File.ReadAllBytes(Weights);
        File.WriteAllBytes(Weights, bytes[..(length < 0 ? bytes.Length + length : length)]);

        AssertRejected(ErrorKind.ModelFile, Weights);
    }

    [Fact]
    public void MissingFilesAndFoldersAreNamed()
    {
        using LlamaModel model = Saved();
        File.Delete(Weights);
        AssertRejected(ErrorKind.ModelFile, Weights);

        File.WriteAllText(Weights + ".index.json", "{}");
        AssertRejected(ErrorKind.ModelFile, "model.safetensors.index.json: weight_map is missing");

        File.Delete(folder.File("config.json"));
        AssertRejected(ErrorKind.ModelFile, folder.File("config.json"));

        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.LoadConfig(folder.File("elsewhere")));
        Assert.Equal(ErrorKind.ModelFile, error.Kind);
        Assert.Contains(folder.File("elsewhere"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATokenizerOfAnotherSizeIsRejected()
    {
        Bytes.Save(folder.File("tokenizer.json"));

        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 257)));

        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains("258", error.Message, StringComparison.Ordinal);
        Assert.Contains("257", error.Message, StringComparison.Ordinal);
        Assert.Throws<HybridException>(() => ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 300)));
        Assert.Equal(258, ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 258)).VocabularySize);
        Assert.Equal(258, ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 320)).VocabularySize); // padded to a multiple of 64
    }

    [Fact]
    public void WhatElseTheSourceHasIsCarriedOver()
    {
        using LlamaModel model = Saved();
        string[] carried = ["chat_template.jinja", "generation_config.json", "special_tokens_map.json", "tokenizer.model", "tokenizer_config.json"];
        foreach (string name in carried)
        {
            File.WriteAllBytes(folder.File(name), [.. "any bytes "u8, 0, 255, (byte)name.Length]);
        }

        File.WriteAllText(folder.File("README.md"), "not the model's");
        ModelFolder.Save(folder.File("made"), model, Bytes, source: folder.Path);

        Assert.Equal([.. carried.Append("config.json").Append("model.safetensors").Append("tokenizer.json").Order(StringComparer.Ordinal)], Directory.GetFiles(folder.File("made")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(carried, name => Assert.Equal(File.ReadAllBytes(folder.File(name)), File.ReadAllBytes(folder.File($"made/{name}"))));

        File.Delete(folder.File("tokenizer.model"));
        ModelFolder.Save(folder.File("made"), model, Bytes, source: folder.Path);
        Assert.False(File.Exists(folder.File("made/tokenizer.model"))); // the other model has none
        Assert.True(File.Exists(folder.File("made/generation_config.json")));
    }

    [Fact]
    public void SavingWhereNothingCanBeWrittenIsAnIoError()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1);
        File.WriteAllText(folder.File("a-file"), "in the way");

        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.Save(folder.File("a-file"), model, Bytes));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.Contains(folder.File("a-file"), error.Message, StringComparison.Ordinal);
    }

    private LlamaModel Saved(ElementType type = ElementType.Float32)
    {
        LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1, type);
        ModelFolder.Save(folder.Path, model, Bytes);
        return model;
    }

    private void Rewrite(LlamaModel model, Func<IEnumerable<KeyValuePair<string, Tensor>>, IEnumerable<KeyValuePair<string, Tensor>>> edit) =>
        SafetensorsFile.Write(Weights, [.. edit(model.Names.Select(name => new KeyValuePair<string, Tensor>(name, model[name])))], []);

    private void AssertRejected(ErrorKind kind, params string[] said)
    {
        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu));

        Assert.Equal(kind, error.Kind);
        Assert.All(said, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }
}
