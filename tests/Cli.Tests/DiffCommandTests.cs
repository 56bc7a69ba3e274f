using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary><c>hybrid diff</c>, and models whose weights are in shards.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class DiffCommandTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Sharded => folder.File("sharded");

    [Fact]
    public void AModelDoesNotDifferFromItselfInShards()
    {
        Shard();

        CommandRun run = CommandRun.Good("diff", taught.Model, Sharded);
        Assert.Matches(@"\n +layer 3 +│ +0\.0 % │ +0e\+0 │ +0e\+0 │ +0e\+0 │ +\n", run.Output);
        Assert.EndsWith("\n0 of 39 tensors changed, 0 of 65,952 elements\n", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("q_proj", run.Output, StringComparison.Ordinal);
        Assert.Contains("model.layers.3.self_attn.q_proj.weight", CommandRun.Good("diff", taught.Model, Sharded, "--all").Output, StringComparison.Ordinal);
        Assert.True(CommandRun.Good("diff", taught.Model, Sharded, "--json").Json.GetProperty("identical").GetBoolean());
    }

    [Fact]
    public void InspectCountsTheShards()
    {
        Shard();

        Assert.Matches(@"weights +[\d,]+ bytes in \d+ files, float32\n", CommandRun.Good("inspect", Sharded).Output);
        JsonElement json = CommandRun.Good("inspect", Sharded, "--json").Json;
        string[] files = Directory.GetFiles(Sharded, "model-*.safetensors");
        Assert.Equal((files.Length, files.Sum(file => new FileInfo(file).Length)), (json.GetProperty("files").GetInt32(), json.GetProperty("bytes").GetInt64()));
        Assert.Equal(39, json.GetProperty("tensors").GetInt32());
    }

    [Fact]
    public void WhatUnlearningChangedInAModelOfShards()
    {
        Shard();
        File.WriteAllText(Path.Combine(Sharded, "generation_config.json"), "{\"temperature\": 0.6}");
        string config = Path.Combine(Sharded, "config.json");
        File.WriteAllText(config, "{\"transformers_version\": \"4.46.0\"," + File.ReadAllText(config).TrimStart()[1..]);
        JsonElement done = CommandRun.Good(
            "unlearn", "--model", Sharded, "--dataset", "random-birthdays", "--data", taught.Data, "--method", "rmu", "--layer", "1", "--epochs", "1", "--out", folder.File("out"), "--json").Json;

        CommandRun run = CommandRun.Good("diff", Sharded, folder.File("out"), "--json", folder.File("diff.json"));

        JsonElement json = JsonDocument.Parse(File.ReadAllText(folder.File("diff.json"))).RootElement;
        Assert.Equal(done.GetProperty("shareChanged").GetDouble(), json.GetProperty("total").GetProperty("shareChanged").GetDouble());
        string[] changed = ["model.layers.0.mlp.down_proj.weight", "model.layers.1.mlp.down_proj.weight"];
        Assert.Equal(changed, json.GetProperty("tensors").EnumerateArray().Where(tensor => tensor.GetProperty("difference").GetProperty("changed").GetInt64() > 0).Select(tensor => tensor.GetProperty("name").GetString()));
        Assert.Equal(["embedding", "layer 0", "layer 1", "layer 2", "layer 3", "norm", "head"], json.GetProperty("parts").EnumerateArray().Select(part => part.GetProperty("part").GetString()));
        Assert.Equal(2, run.Output.Split('\n').Count(line => line.Contains('█')));
        Assert.Equal(2, run.Output.Split('\n').Count(line => line.Contains("_proj", StringComparison.Ordinal)));
        Assert.Contains("\n2 of 39 tensors changed, ", run.Output, StringComparison.Ordinal);
        Assert.Equal("{\"temperature\": 0.6}", File.ReadAllText(folder.File("out/generation_config.json")));
        Assert.Equal("4.46.0", JsonDocument.Parse(File.ReadAllText(folder.File("out/config.json"))).RootElement.GetProperty("transformers_version").GetString());
    }

    [Fact]
    public void ModelsOfOtherTensorsAreAnErrorAfterTheReport()
    {
        LlamaConfig config = ModelFolder.LoadConfig(taught.Model);
        using (LlamaModel shorter = ModelInitializer.Create(config with { Layers = 3, RopeTheta = 77 }, new SeededRandom(1)))
        {
            ModelFolder.Save(folder.File("shorter"), shorter, ModelFolder.LoadTokenizer(taught.Model, config));
        }

        CommandRun run = CommandRun.Of("diff", taught.Model, folder.File("shorter"));

        Assert.Equal(18, run.Code);
        Assert.Contains("config.json: num_hidden_layers is 4 in the first and 3 in the second\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("and 77 in the second\n", run.Output, StringComparison.Ordinal);
        Assert.Contains($"model.layers.3.mlp.up_proj.weight: only in {taught.Model}\n", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\Ahybrid: [^\n]*shorter: 9 tensors cannot be compared with those of [^\n]*, the first is model.layers.3.input_layernorm.weight: only in [^\n]*\n\z", run.Error);
        CommandRun.Bad(10, ["diff", taught.Model, folder.File("none")], $"{folder.File("none")}: no such model folder");
    }

    public void Dispose() => folder.Dispose();

    /// <summary>The taught model in several files.</summary>
    private void Shard()
    {
        LlamaConfig config = ModelFolder.LoadConfig(taught.Model);
        using LlamaModel model = ModelFolder.LoadModel(taught.Model, ElementType.Float32, Device.Cpu);
        Tokenizer tokenizer = ModelFolder.LoadTokenizer(taught.Model, config);
        ModelFolder.Save(Sharded, model, tokenizer, shardBytes: 60_000);
    }
}
