using System.Buffers.Binary;
using System.Text;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Faults.Hostile;

/// <summary>A model's files: <c>config.json</c>, and <c>model.safetensors.index.json</c> with the shards beside it.</summary>
internal static class ModelKinds
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";

    private const string Config = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 2, "num_attention_heads": 8,
         "num_key_value_heads": 4, "head_dim": 8, "vocab_size": 512, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "max_position_embeddings": 8192, "tie_word_embeddings": false,
         "attention_bias": false, "attention_dropout": 0.0, "mlp_bias": false, "bos_token_id": 1, "eos_token_id": [2, 3], "torch_dtype": "bfloat16", "dtype": "bfloat16",
         "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}
        """;

    private const string ShortConfig = """{"model_type": "llama", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9, "rms_norm_eps": 1, "rope_theta": 1, "max_position_embeddings": 5, "rope_scaling": null}""";

    private const string Index = """{"metadata": {"total_size": 24.0}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}}""";

    public static IReadOnlyList<ReaderKind> All { get; } =
    [
        new()
        {
            Name = "config-json",
            File = ModelFolder.ConfigFile,
            Samples = [Encoding.UTF8.GetBytes(Config), Encoding.UTF8.GetBytes(ShortConfig)],
            Read = path =>
            {
                LlamaConfig config = LlamaConfigJson.Load(path);
                LlamaConfigJson.LoadElementType(path);
                LlamaConfigJson.Write(config, "float32", 1, 2, path);
            },
        },
        new()
        {
            Name = "weight-index",
            File = ModelFolder.IndexFile,
            Samples = [Encoding.UTF8.GetBytes(Index), Encoding.UTF8.GetBytes(Index.Replace("\"metadata\": {\"total_size\": 24.0}, ", string.Empty, StringComparison.Ordinal))],
            Prepare = folder =>
            {
                File.WriteAllBytes(Path.Combine(folder, First), Weights("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
                File.WriteAllBytes(Path.Combine(folder, Second), Weights("""{"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"c":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}""", 16));
            },
            Read = path =>
            {
                using WeightFiles files = WeightFiles.Open(Path.GetDirectoryName(path)!);
                if (files.Names.Any(name => !files.PathOf(name).EndsWith(name == "a" ? First : Second, StringComparison.Ordinal)))
                {
                    throw new InvalidOperationException("an index was accepted that does not agree with its shards");
                }
            },
        },
    ];

    private static byte[] Weights(string header, int dataBytes)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), file = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        return file;
    }
}
