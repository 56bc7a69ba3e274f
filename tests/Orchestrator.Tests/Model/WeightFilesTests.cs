using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

/// <summary>Weights in shards: three of them, the embedding, the layers with the last norm, and the output matrix.</summary>
[LeakLedger]
public sealed class WeightFilesTests : IDisposable
{
    private const string Last = "model-00003-of-00003.safetensors";
    private const string HeadEntry = $"\"lm_head.weight\": \"{Last}\"";

    private static readonly Tokenizer Bytes = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);

    private readonly TemporaryFolder folder = new();
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32);

    // 258 · 8 values in each of the large matrices, 496 in each layer, 8 in the last norm.
    public WeightFilesTests() => ModelFolder.Save(folder.Path, model, Bytes, shardBytes: 258 * 8 * 4);

    private string Index => folder.File("model.safetensors.index.json");

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void TheFilesAreHuggingFaces()
    {
        Assert.Equal(
            ["config.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", Last, "model.safetensors.index.json", "tokenizer.json"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.StartsWith(
            $$"""
            {
              "metadata": {
                "total_size": {{((2 * 258 * 8) + (2 * 496) + 8) * 4}}
              },
              "weight_map": {
                "lm_head.weight": "model-00003-of-00003.safetensors",
                "model.embed_tokens.weight": "model-00001-of-00003.safetensors",
                "model.layers.0.input_layernorm.weight": "model-00002-of-00003.safetensors",
            """,
            File.ReadAllText(Index),
            StringComparison.Ordinal);
        using WeightFiles files = WeightFiles.Open(folder.Path);
        Assert.Equal(model.Names, files.Names); // file after file, and the shards follow the order of computation
        Assert.Equal(Index, files.Path);
        Assert.Equal([.. Enumerable.Range(1, 3).Select(i => folder.File($"model-0000{i}-of-00003.safetensors"))], files.Paths);
        Assert.Equal(files.Paths.Sum(path => new FileInfo(path).Length), files.Bytes);
        Assert.Equal(folder.File("model-00002-of-00003.safetensors"), files.PathOf(ParameterNames.FinalNorm));
    }

    [Fact]
    public void ShardsReadLikeOneFile()
    {
        using LlamaModel loaded = Load();

        Assert.Empty(TestModels.Changed(model, loaded));
        Assert.Equal(0, ChangedShare.AgainstFolder(folder.Path, model));
        Assert.Equal(model.Names, ModelFolder.Describe(folder.Path).Select(tensor => tensor.Name));
    }

    [Fact]
    public void LinksAreFollowed()
    {
        Directory.CreateDirectory(folder.File("blobs"));
        foreach (string file in Directory.GetFiles(folder.Path))
        {
            string blob = folder.File($"blobs/{Guid.NewGuid():N}");
            File.Move(file, blob);
            Directory.CreateDirectory(folder.File("snapshot"));
            File.CreateSymbolicLink(folder.File($"snapshot/{Path.GetFileName(file)}"), $"../blobs/{Path.GetFileName(blob)}");
        }

        using LlamaModel loaded = ModelFolder.LoadModel(folder.File("snapshot"), ElementType.Float32, Device.Cpu);

        Assert.Empty(TestModels.Changed(model, loaded));
        using WeightFiles files = WeightFiles.Open(folder.File("snapshot"));
        Assert.InRange(files.Bytes, model.Config.ParameterCount * 4, (model.Config.ParameterCount * 4) + 6000); // of what is linked, with three headers
    }

    [Theory]
    [InlineData("\"total_size\": 20512", "\"total_size\": 20512.0, \"total_parameters\": 5128")]
    [InlineData("\"total_size\": 20512", "\"mergekit_version\": \"0.1\"")]
    [InlineData("\"metadata\":", "\"other\":")]
    public void WhatSomeExportersWriteIsAnIndexToo(string part, string replacement)
    {
        Edit(part, replacement);

        using LlamaModel loaded = Load();

        Assert.Empty(TestModels.Changed(model, loaded));
    }

    [Theory]
    [InlineData("3", "is in 3,")]
    [InlineData("null", "is in null,")]
    [InlineData("[\"x\"]", "is in [\"x\"],")]
    [InlineData("\"\"", "is in ''")]
    [InlineData("\".\"", "is in '.'")]
    [InlineData("\"..\"", "is in '..'")]
    [InlineData($"\"../{Last}\"", "is in '../model")]
    [InlineData($"\"./{Last}\"", "is in './model")]
    [InlineData("\"/etc/passwd\"", "is in '/etc/passwd'")]
    [InlineData("\"sub/x.safetensors\"", "is in 'sub/x.safetensors'")]
    [InlineData("\"..\\\\x.safetensors\"", "is in '..\\x.safetensors'")]
    [InlineData("\"C:x.safetensors\"", "is in 'C:x.safetensors'")]
    [InlineData("\"x\\u0000.safetensors\"", "the same folder")]
    [InlineData("\"x\\n.safetensors\"", "the same folder")]
    public void AValueThatIsNoNameInTheFolderIsRejected(string value, string said)
    {
        Edit(HeadEntry, $"\"lm_head.weight\": {value}");

        AssertRejected(Index, "'lm_head.weight'", said);
    }

    [Theory]
    [InlineData(HeadEntry, "\"lm_head.weight\": \"model-00002-of-00003.safetensors\"", "model-00002-of-00003.safetensors: has no tensor 'lm_head.weight'")]
    [InlineData(HeadEntry, $"{HeadEntry}, \"lm_head.bias\": \"{Last}\"", $"{Last}: has no tensor 'lm_head.bias'")]
    [InlineData(HeadEntry, "\"lm_head.weight\": \"model-00004-of-00003.safetensors\"", "model-00004-of-00003.safetensors: no such file; model.safetensors.index.json puts tensor 'lm_head.weight' there")]
    [InlineData(HeadEntry, "\"lm_head.weight\": \"config.json\"", "config.json: ")]
    [InlineData(",\n    \"model.norm.weight\": \"model-00002-of-00003.safetensors\"", "", "model-00002-of-00003.safetensors: tensor 'model.norm.weight' does not stand in model.safetensors.index.json")]
    [InlineData($"{HeadEntry},", "", "index.json: total_size is 20512, the files have tensors of 12256 bytes")]
    [InlineData(HeadEntry, $"{HeadEntry}, {HeadEntry}", "index.json: weight_map has 'lm_head.weight' twice")]
    [InlineData("\"metadata\":", "\"weight_map\": {}, \"metadata\":", "index.json: the file has 'weight_map' twice")]
    [InlineData("\"total_size\": 20512", "\"total_size\": 20512, \"total_size\": 1", "index.json: metadata has 'total_size' twice")]
    [InlineData("\"total_size\": 20512", "\"total_size\": 20513", "index.json: total_size is 20513, the files have tensors of 20512 bytes")]
    [InlineData("\"total_size\": 20512", "\"total_size\": \"20512\"", "index.json: total_size is \"20512\"")]
    [InlineData("\"total_size\": 20512", "\"total_size\": 20512.5", "index.json: total_size is 20512.5")]
    [InlineData("\"total_size\": 20512", "\"total_size\": -1", "index.json: total_size is -1")]
    [InlineData("\"total_size\": 20512", "\"total_size\": 1e400", "index.json: total_size is 1e400")]
    [InlineData("\"weight_map\":", "\"weights\":", "index.json: weight_map is missing")]
    [InlineData("\"weight_map\":", "\"weight_map\": 1, \"other\":", "index.json: weight_map is 1, a JSON object is expected")]
    [InlineData("\"weight_map\":", "\"weight_map\": {}, \"other\":", "index.json: weight_map names no tensor")]
    [InlineData("\"metadata\":", "\"metadata\": [], \"other\":", "index.json: metadata is []")]
    [InlineData("\"weight_map\":", "\"weight_map\"", "index.json: not valid JSON, line 5")]
    [InlineData(HeadEntry, $"\"\\ud800\": \"{Last}\"", "index.json: a text in it is not Unicode")]
    public void AnIndexThatTheFilesDoNotBearOutIsRejected(string part, string replacement, string said)
    {
        Edit(part, replacement);

        AssertRejected(said);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    public void WhatIsNoObjectIsRejected(string text)
    {
        File.WriteAllText(Index, text);

        AssertRejected(Index);
    }

    [Fact]
    public void DeepNestingIsRejected()
    {
        File.WriteAllText(Index, string.Concat(Enumerable.Repeat("{\"weight_map\":", 100_000)));

        AssertRejected(Index, "not valid JSON");
    }

    [Fact]
    public void ATensorInTwoShardsIsRejected()
    {
        SafetensorsFile.Write(folder.File(Last), [new(ParameterNames.Head, model.Head), new(ParameterNames.FinalNorm, model[ParameterNames.FinalNorm])], []);

        AssertRejected($"{folder.File(Last)}: tensor 'model.norm.weight' stands in model-00002-of-00003.safetensors, too");
    }

    [Fact]
    public void ATruncatedShardIsNamed()
    {
        File.WriteAllBytes(folder.File(Last), File.ReadAllBytes(folder.File(Last))[..^1]);

        AssertRejected(folder.File(Last));
    }

    [Fact]
    public void AMissingShardIsNamed()
    {
        File.Delete(folder.File(Last));

        AssertRejected($"{folder.File(Last)}: no such file", "'lm_head.weight'");
    }

    [Fact]
    public void ASingleFileBesideAnIndexIsAmbiguous()
    {
        File.Copy(folder.File(Last), folder.File("model.safetensors"));

        AssertRejected($"{folder.Path}: has both model.safetensors and model.safetensors.index.json");
    }

    [Fact]
    public void ATensorThatIsNotThereIsNamed()
    {
        using WeightFiles files = WeightFiles.Open(folder.Path);

        HybridException error = Assert.Throws<HybridException>(() => files.Read("lm_head.bias", ElementType.Float32, Device.Cpu));

        Assert.Equal((ErrorKind.ModelFile, $"{Index}: there is no tensor 'lm_head.bias'"), (error.Kind, error.Message));
    }

    private LlamaModel Load() => ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);

    private void Edit(string part, string replacement)
    {
        string text = File.ReadAllText(Index);
        Assert.Contains(part, text, StringComparison.Ordinal);
        File.WriteAllText(Index, text.Replace(part, replacement, StringComparison.Ordinal));
    }

    private void AssertRejected(params string[] said)
    {
        HybridException error = Assert.Throws<HybridException>(Load);

        Assert.Equal(ErrorKind.ModelFile, error.Kind);
        Assert.DoesNotContain('\n', error.Message);
        Assert.All(said, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }
}
