using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;

namespace Hybrid.Cli.Tests;

/// <summary>Makes a folder as Llama 3.2's are, but narrow: the real tokenizer, tied bfloat16 weights in shards, stretched rotary embedding, and what comes with an Instruct model.</summary>
internal static class Llama3Folder
{
    /// <summary>What the tests need of the shared data.</summary>
    public const string TokenizerFolder = "data/llama3-tokenizer";

    public const int Layers = 8;

    /// <summary>Less than the embedding, which then has a shard of its own, and less than all layers.</summary>
    public const int ShardBytes = 100_000;

    /// <summary>The companion files.</summary>
    public static readonly string[] Companions = ["generation_config.json", "tokenizer_config.json"];

    /// <summary>Writes the folder.</summary>
    public static void Write(string folder)
    {
        var tokenizer = Tokenizer.Load(Path.Combine(SharedData.Find(TokenizerFolder)!, ModelFolder.TokenizerFile));
        var shape = new LlamaConfig
        {
            HiddenSize = 32,
            IntermediateSize = 64,
            Layers = Layers,
            Heads = 4,
            KeyValueHeads = 2,
            HeadDimension = 8,
            VocabularySize = 128_256,
            RmsNormEpsilon = 1e-5,
            RopeTheta = 500_000,
            RopeScaling = new RopeScaling(32, 1, 4, 8192),
            MaximumPositions = 131_072,
            TiedEmbeddings = true,
        };
        using (LlamaModel model = ModelInitializer.Create(shape, new SeededRandom(7), ElementType.BFloat16, Device.Cpu))
        {
            ModelFolder.Save(folder, model, tokenizer, shardBytes: ShardBytes);
        }

        File.WriteAllText(Path.Combine(folder, Companions[0]), """{ "do_sample": true, "eos_token_id": [128001, 128008, 128009], "temperature": 0.6 }""");
        File.WriteAllText(Path.Combine(folder, Companions[1]), """
            { "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
              "chat_template": "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}" }
            """);
        string config = Path.Combine(folder, ModelFolder.ConfigFile);
        JsonObject fields = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        fields["eos_token_id"] = new JsonArray(128001, 128008, 128009);
        fields["transformers_version"] = "4.45.0.dev0";
        fields["initializer_range"] = 0.02;
        File.WriteAllText(config, fields.ToJsonString());
    }
}
