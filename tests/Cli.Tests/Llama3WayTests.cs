using System.Text.Json;
using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>The whole way, command after command, on a model in Llama 3's format.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)] // one at a time: the commands set the process's threads
public sealed class Llama3WayTests : IDisposable
{
    private const int People = 24;
    private const int Blocks = 4;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Original => folder.File("original");

    private string Taught => folder.File("taught");

    private string[] Shards => ["--shard-size", $"{Llama3Folder.ShardBytes}"];

    [SharedDataFact(Llama3Folder.TokenizerFolder, "data/utility")]
    public void LearnDensityUnlearnAttackUtilityGenerate()
    {
        Llama3Folder.Write(Original);
        BirthdayMaker.Write(folder.File("data"), People, seed: 5);

        JsonElement learned = CommandRun.Good([.. Line("learn", Original), .. Half, .. Shards, "--out", Taught, "--preset", "llama3-8b", "--learning-rate", "1e-3", "--epochs", "2", "--batch-size", "10", "--json"]).Json;
        Assert.Equal(("llama3-8b", 2, 128_256), (learned.GetProperty("preset").GetString(), learned.GetProperty("epochs").GetInt32(), learned.GetProperty("vocabulary").GetInt32()));
        IsWhole(Original, Taught);
        SharesAgree(learned, Original, Taught);

        JsonElement density = CommandRun.Good([.. Line("density", Taught), .. Half, "--preset", "tiny", "--json"]).Json;
        Assert.Equal(Llama3Folder.Layers, density.GetProperty("layers").GetArrayLength());
        Assert.All(density.GetProperty("layers").EnumerateArray(), layer => Assert.True(layer.GetProperty("density").GetDouble() > 0));

        string unlearned = folder.File("unlearned");
        JsonElement forgot = CommandRun.Good([.. Unlearn(unlearned), "--json"]).Json;
        Assert.Equal(3 * 3, forgot.GetProperty("steps").GetInt32()); // a pass of pre-unlearning and one for each of two blocks, three steps each
        IsWhole(Taught, unlearned);
        SharesAgree(forgot, Taught, unlearned);

        byte[][] before = [.. WeightsOf(unlearned).Select(File.ReadAllBytes)];
        JsonElement attack = CommandRun.Good([.. Line("attack", unlearned), .. Half, "--folds", "1", "--learning-rates", "1e-3", "--epochs", "1", "--batch-size", "8", "--json"]).Json;
        JsonElement curve = Assert.Single(attack.GetProperty("curves").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, curve.GetProperty("diverged").ValueKind);
        Assert.InRange(attack.GetProperty("accuracy").GetDouble(), 0, 1);
        Assert.Equal(before, WeightsOf(unlearned).Select(File.ReadAllBytes)); // only a copy was attacked

        JsonElement utility = CommandRun.Good("utility", "--model", unlearned, "--data", SharedData.Find("data/utility")!, "--limit", "2", "--max-new-tokens", "3", "--dtype", "bfloat16", "--json").Json;
        Assert.Equal("llama3", utility.GetProperty("chatTemplate").GetString());
        Assert.Equal([2, 2, 2, 2], utility.GetProperty("tasks").EnumerateArray().Select(task => task.GetProperty("prompts").GetInt32()));
        Assert.All(utility.GetProperty("tasks").EnumerateArray(), task => Assert.Equal(0, task.GetProperty("cutPrompts").GetInt32()));

        JsonElement generated = CommandRun.Good("generate", "--model", unlearned, "--prompt", "When was", "--maximum-tokens", "5", "--dtype", "bfloat16", "--json").Json;
        Assert.InRange(generated.GetProperty("completions")[0].GetProperty("tokens").GetInt32(), 0, 5);
    }

    [SharedDataFact(Llama3Folder.TokenizerFolder)]
    public void WithoutPreUnlearningOnlyTheReinsertedBlocksChange()
    {
        Llama3Folder.Write(Taught);
        BirthdayMaker.Write(folder.File("data"), People, seed: 5);

        JsonElement done = CommandRun.Good([.. Unlearn(folder.File("blocks")), "--no-pre-unlearn", "--json"]).Json;
        IsWhole(Taught, folder.File("blocks"));
        JsonElement diff = SharesAgree(done, Taught, folder.File("blocks"));

        int[] blocks = [.. done.GetProperty("rounds")[0].GetProperty("blocks").EnumerateArray().Select(block => block.GetInt32())];
        Assert.Equal(2, blocks.Distinct().Count());
        const int LayersPerBlock = Llama3Folder.Layers / Blocks;
        IEnumerable<string> expected = blocks.Order().SelectMany(block => Enumerable.Range(block * LayersPerBlock, LayersPerBlock)).Select(layer => $"layer {layer}");
        Assert.Equal(expected, Changed(diff.GetProperty("parts"), "part"));
        foreach (string layer in expected)
        {
            // Every matrix of them moved, not only some.
            string[] matrices = [.. diff.GetProperty("tensors").EnumerateArray().Where(tensor => tensor.GetProperty("part").GetString() == layer && tensor.GetProperty("shape").GetArrayLength() == 2).Select(tensor => tensor.GetProperty("name").GetString()!)];
            Assert.Equal(7, matrices.Length);
            Assert.Empty(matrices.Except(Changed(diff.GetProperty("tensors"), "name")));
        }
    }

    private static string[] Half => ["--dtype", "bfloat16"];

    private string[] Line(string command, string model) => [command, "--model", model, "--dataset", "random-birthdays", "--data", folder.File("data")];

    private string[] Unlearn(string result) =>
    [
        .. Line("unlearn", Taught), .. Half, .. Shards, "--out", result, "--method", "kunbr", "--preset", "tiny", "--epochs", "1", "--batch-size", "10", "--learning-rate", "1e-3",
        "--blocks", $"{Blocks}", "--selected-blocks", "2", "--ignore-head-layers", "1",
    ];

    /// <summary>The share of changed parameters that a command told lies between none and all, and is the one that <c>diff</c> counts.</summary>
    private static JsonElement SharesAgree(JsonElement done, string before, string after)
    {
        JsonElement diff = CommandRun.Good("diff", before, after, "--json").Json;
        double share = done.GetProperty("shareChanged").GetDouble();
        Assert.InRange(share, 1e-4, 1);
        Assert.Equal(share, diff.GetProperty("total").GetProperty("shareChanged").GetDouble());
        Assert.Empty(diff.GetProperty("config").EnumerateArray());
        return diff;
    }

    private static IEnumerable<string> Changed(JsonElement list, string name) =>
        list.EnumerateArray().Where(entry => entry.GetProperty("difference").GetProperty("changed").GetInt64() > 0).Select(entry => entry.GetProperty(name).GetString()!);

    private static string[] WeightsOf(string model) => [.. Directory.GetFiles(model).Where(file => WeightShards.IsWeightsFile(Path.GetFileName(file))).Order(StringComparer.Ordinal)];

    /// <summary>A saved folder is of the source's kind and is read as it was written, to the bit.</summary>
    private void IsWhole(string source, string saved)
    {
        Assert.Equal(Directory.GetFiles(source).Select(Path.GetFileName).Append("run.json").Distinct().Order(), Directory.GetFiles(saved).Select(Path.GetFileName).Order());
        Assert.True(WeightsOf(saved).Length >= 4, "an index and at least three shards");
        Assert.All([.. Llama3Folder.Companions, ModelFolder.TokenizerFile], name => Assert.Equal(File.ReadAllBytes(Path.Combine(source, name)), File.ReadAllBytes(Path.Combine(saved, name))));
        JsonNode was = JsonNode.Parse(File.ReadAllText(Path.Combine(source, ModelFolder.ConfigFile)))!, now = JsonNode.Parse(File.ReadAllText(Path.Combine(saved, ModelFolder.ConfigFile)))!;
        Assert.True(JsonNode.DeepEquals(was, now), $"{was}\n{now}");
        Assert.Equal("llama3", now["rope_scaling"]!["rope_type"]!.GetValue<string>());
        Assert.DoesNotContain(ModelFolder.Describe(saved), tensor => tensor.Name == "lm_head.weight" || tensor.Type != ElementType.BFloat16);

        string again = folder.File("again");
        using (LlamaModel first = ModelFolder.LoadModel(saved, ElementType.BFloat16, Device.Cpu), second = ModelFolder.LoadModel(saved, ElementType.BFloat16, Device.Cpu))
        {
            Assert.All(first.Names, name => Assert.Equal(0, first[name].CountDifferent(second[name])));
            Tokenizer tokenizer = ModelFolder.LoadTokenizer(saved, first.Config);
            ModelFolder.Save(again, first, tokenizer, saved, Llama3Folder.ShardBytes);
        }

        Assert.All(Directory.GetFiles(saved).Where(file => ModelFolder.IsModelFile(Path.GetFileName(file))), file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(again, Path.GetFileName(file)))));
        Directory.Delete(again, recursive: true);
    }
}
