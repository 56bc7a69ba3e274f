using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class WeightShardsTests : IDisposable
{
    private static readonly Tokenizer Bytes = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);

    private readonly TemporaryFolder folder = new();

    private string[] WeightNames => [.. Directory.GetFiles(folder.Path).Select(path => Path.GetFileName(path)!).Where(WeightShards.IsWeightsFile).Order(StringComparer.Ordinal)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(ElementType.Float32, false)]
    [InlineData(ElementType.Float32, true)]
    [InlineData(ElementType.BFloat16, false)]
    [InlineData(ElementType.BFloat16, true)]
    [InlineData(ElementType.Float16, false)]
    [InlineData(ElementType.Float16, true)]
    public void OneFileAndShardsHoldTheSameBits(ElementType type, bool tied)
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258, tied: tied), 1, type);
        ModelFolder.Save(folder.File("one"), model, Bytes);
        using LlamaModel one = ModelFolder.LoadModel(folder.File("one"), type, Device.Cpu);
        ModelFolder.Save(folder.File("shards"), one, Bytes, shardBytes: 258 * 8 * type.Size());
        using LlamaModel shards = ModelFolder.LoadModel(folder.File("shards"), type, Device.Cpu);
        ModelFolder.Save(folder.File("again"), shards, Bytes);

        Assert.Empty(TestModels.Changed(model, shards));
        Assert.Equal(tied ? 2 : 3, Directory.GetFiles(folder.File("shards"), "model-*").Length);
        Assert.Equal(File.ReadAllBytes(folder.File("one/model.safetensors")), File.ReadAllBytes(folder.File("again/model.safetensors")));
        Assert.Equal(model.Config.ParameterCount * type.Size(), WeightIndex.Load(folder.File("shards/model.safetensors.index.json")).TotalSize);
    }

    // The files read as the format's description has them: eight bytes of length, a JSON header, the data.
    [Fact]
    public void EveryTensorLiesWhereTheIndexSays()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32);
        ModelFolder.Save(folder.Path, model, Bytes, shardBytes: 2000);

        using var index = JsonDocument.Parse(File.ReadAllText(folder.File("model.safetensors.index.json")));
        JsonProperty[] map = [.. index.RootElement.GetProperty("weight_map").EnumerateObject()];

        Assert.Equal(model.Names.Order(StringComparer.Ordinal), map.Select(entry => entry.Name));
        foreach (JsonProperty entry in map)
        {
            byte[] file = File.ReadAllBytes(folder.File(entry.Value.GetString()!));
            int data = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
            using var header = JsonDocument.Parse(file.AsMemory(8, data - 8));
            JsonElement tensor = header.RootElement.GetProperty(entry.Name);
            int[] bounds = [.. tensor.GetProperty("data_offsets").EnumerateArray().Select(offset => data + offset.GetInt32())];
            Assert.Equal(model[entry.Name].Shape, tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()));
            Assert.Equal(model[entry.Name].ToArray<float>(), MemoryMarshal.Cast<byte, float>(file.AsSpan(bounds[0]..bounds[1])).ToArray());
        }
    }

    // Tensors of 3, 3, 9, 1, 4 and 1 bytes.
    [Theory]
    [InlineData(21, "3 3 9 1 4 1")]
    [InlineData(20, "3 3 9 1 4|1")]
    [InlineData(7, "3 3|9|1 4 1")]
    [InlineData(5, "3|3|9|1 4|1")]
    [InlineData(1, "3|3|9|1|4|1")]
    public void ShardsAreFilledInOrder(long shardBytes, string expected)
    {
        using TensorScope scope = TensorScope.Begin();
        long[] sizes = [3, 3, 9, 1, 4, 1];
        WeightShards.Write(folder.Path, [.. sizes.Select((size, i) => new KeyValuePair<string, Tensor>($"t{i}", Tensor.Zeros([size], ElementType.UInt8, Device.Cpu)))], shardBytes);

        using WeightFiles files = WeightFiles.Open(folder.Path);

        Assert.Equal(expected, string.Join('|', files.Names.GroupBy(files.PathOf).Select(file => string.Join(' ', file.Select(name => files.Describe(name).Shape[0])))));
        int shards = expected.Split('|').Length;
        string[] names = shards == 1
            ? ["model.safetensors"]
            : [.. Enumerable.Range(1, shards).Select(i => string.Create(CultureInfo.InvariantCulture, $"model-0000{i}-of-0000{shards}.safetensors")), "model.safetensors.index.json"];
        Assert.Equal(names, WeightNames);
    }

    [Theory]
    [InlineData(long.MaxValue, 8256)]
    [InlineData(8256, long.MaxValue)]
    [InlineData(8256, 2000)]
    [InlineData(2000, 8256)]
    [InlineData(8256, 8256)]
    public void WeightsReplaceThoseOfOtherShards(long before, long after)
    {
        using LlamaModel old = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32), fresh = TestModels.Make(old.Config, 2, ElementType.Float32);
        ModelFolder.Save(folder.Path, fresh, Bytes, shardBytes: after);
        string[] expected = WeightNames;
        ModelFolder.Save(folder.Path, old, Bytes, shardBytes: before);
        Assert.Equal(before == after, expected.SequenceEqual(WeightNames));

        ModelFolder.Save(folder.Path, fresh, Bytes, shardBytes: after);

        using LlamaModel loaded = ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);
        Assert.Empty(TestModels.Changed(fresh, loaded));
        Assert.Equal(expected, WeightNames);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(12_000)]
    public void ASaveThatFailsNeverLeavesAMixture(long before)
    {
        using LlamaModel old = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32), fresh = TestModels.Make(old.Config, 2, ElementType.Float32);
        ModelFolder.Save(folder.Path, old, Bytes, shardBytes: before);
        Directory.CreateDirectory(folder.File("model-00002-of-00003.safetensors"));

        HybridException failure = Assert.Throws<HybridException>(() => ModelFolder.Save(folder.Path, fresh, Bytes, shardBytes: 8256));

        Assert.Equal(ErrorKind.Io, failure.Kind);
        Assert.Contains("model-00002-of-00003.safetensors", failure.Message, StringComparison.Ordinal);
        if (before == long.MaxValue)
        {
            using LlamaModel loaded = ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu);
            Assert.Empty(TestModels.Changed(old, loaded));
        }
        else
        {
            Assert.Equal(ErrorKind.ModelFile, Assert.Throws<HybridException>(() => ModelFolder.LoadModel(folder.Path, ElementType.Float32, Device.Cpu)).Kind);
        }
    }

    [Theory]
    [InlineData("model.safetensors", true)]
    [InlineData("model.safetensors.index.json", true)]
    [InlineData("model-00001-of-00004.safetensors", true)]
    [InlineData("model-00001-of-00004.safetensors.bak", false)]
    [InlineData("model-00001-of-00004.safetensors\n", false)]
    [InlineData("model-1-of-4.safetensors", false)]
    [InlineData("my-model-00001-of-00004.safetensors", false)]
    [InlineData("optimizer.safetensors", false)]
    public void TheNamesOfWeightsAreKnown(string name, bool known) => Assert.Equal(known, WeightShards.IsWeightsFile(name));

    [PythonModuleFact("safetensors, numpy")]
    public void HuggingFacesLibraryReadsTheShards()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32);
        ModelFolder.Save(folder.Path, model, Bytes, shardBytes: 8256);

        string output = PythonModule.Run(
            """
            import json, sys, os
            from safetensors.numpy import load_file
            folder = sys.argv[1]
            index = json.load(open(os.path.join(folder, "model.safetensors.index.json")))
            shards = {name: load_file(os.path.join(folder, name)) for name in set(index["weight_map"].values())}
            assert sum(tensor.nbytes for shard in shards.values() for tensor in shard.values()) == index["metadata"]["total_size"]
            assert sum(len(shard) for shard in shards.values()) == len(index["weight_map"])
            for name, file in index["weight_map"].items():
                tensor = shards[file][name]
                print(name, "x".join(map(str, tensor.shape)), repr(float(tensor.astype("float64").sum())))
            """,
            folder.Path);

        Dictionary<string, string[]> read = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(fields => fields[0]);
        Assert.Equal(model.Names.Order(StringComparer.Ordinal), read.Keys.Order(StringComparer.Ordinal));
        Assert.All(model.Names, name =>
        {
            Assert.Equal(string.Join('x', model[name].Shape), read[name][1]);
            Assert.Equal(model[name].ToDoubles().Sum(), double.Parse(read[name][2], CultureInfo.InvariantCulture), 1e-9);
        });
    }

    [PythonModuleFact("torch, transformers")]
    public void TransformersComputesTheSameLogits()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1, ElementType.Float32);
        ModelFolder.Save(folder.Path, model, Bytes, shardBytes: 8256);
        long[] ids = [3, 1, 200, 57, 9];

        string output = PythonModule.Run(
            """
            import sys, torch
            from transformers import AutoModelForCausalLM
            model = AutoModelForCausalLM.from_pretrained(sys.argv[1], torch_dtype=torch.float32).eval()
            with torch.no_grad():
                print(*model(torch.tensor([[int(i) for i in sys.argv[2].split(",")]])).logits.flatten().tolist())
            """,
            folder.Path,
            string.Join(',', ids));

        double[] theirs = [.. output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
        TestModels.AssertClose(theirs, TestModels.Logits(model, new TokenSequence(ids, 1)), 1e-4, "logits");
    }
}
