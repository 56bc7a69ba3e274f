using System.Globalization;

namespace Hybrid.Orchestrator.Model;

/// <summary>Hugging Face's names of a Llama's parameters, in one place.</summary>
public static class ParameterNames
{
    /// <summary>[V,D].</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>[D], the norm before the output matrix.</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>[V,D]; absent where embeddings are tied.</summary>
    public const string Head = "lm_head.weight";

    private const string LayerPrefix = "model.layers.";

    /// <summary>Parts of a decoder layer, in the order of computation.</summary>
    public static IReadOnlyList<string> LayerParts { get; } =
    [
        "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
    ];

    /// <summary>Name of a part of layer <paramref name="layer"/> (0 is nearest the input).</summary>
    public static string Layer(int layer, string part) => $"{LayerPrefix}{layer}.{part}.weight";

    /// <summary>The layer that a name belongs to, or null where it belongs to none.</summary>
    public static int? LayerOf(string name) =>
        name.StartsWith(LayerPrefix, StringComparison.Ordinal)
        && int.TryParse(name[LayerPrefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
            ? layer
            : null;

    /// <summary>Whether a name is that of a buffer which some exporters write, and which is computed here.</summary>
    internal static bool IsComputed(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    /// <summary>The matrices of all decoder layers, in the order of computation.</summary>
    public static IEnumerable<string> LinearLayers(LlamaConfig config) =>
        Enumerable.Range(0, config.Layers).SelectMany(layer => LayerParts.Where(part => part.EndsWith("_proj", StringComparison.Ordinal)).Select(part => Layer(layer, part)));

    /// <summary>Makes sure that there are exactly the parameters that a model has, each of its shape.</summary>
    /// <exception cref="HybridException">ModelFile: one is missing, superfluous or has another shape; the message names it.</exception>
    internal static void Require(LlamaConfig config, IReadOnlyDictionary<string, long[]> shapes)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string name, long[] shape) in All(config))
        {
            known.Add(name);
            if (!shapes.TryGetValue(name, out long[]? found))
            {
                throw new HybridException(ErrorKind.ModelFile, $"tensor '{name}' is missing{(name == Head ? "; config.json's tie_word_embeddings says that it is not the embedding" : string.Empty)}");
            }

            if (!found.AsSpan().SequenceEqual(shape))
            {
                throw new HybridException(ErrorKind.ModelFile, $"tensor '{name}' has shape [{string.Join(", ", found)}], [{string.Join(", ", shape)}] is expected");
            }
        }

        if (shapes.Keys.FirstOrDefault(name => !known.Contains(name)) is { } extra)
        {
            throw new HybridException(ErrorKind.ModelFile, $"tensor '{extra}' belongs to no part of the model{(extra == Head ? "; config.json's tie_word_embeddings says that the embedding takes its place" : string.Empty)}");
        }
    }

    /// <summary>Every name with its shape, in the order of computation.</summary>
    public static IEnumerable<(string Name, long[] Shape)> All(LlamaConfig config)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, v = config.VocabularySize;
        long q = (long)config.Heads * config.HeadDimension, kv = (long)config.KeyValueHeads * config.HeadDimension;
        yield return (Embedding, [v, d]);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach (string part in LayerParts)
            {
                long[] shape = part switch
                {
                    "self_attn.q_proj" => [q, d],
                    "self_attn.k_proj" or "self_attn.v_proj" => [kv, d],
                    "self_attn.o_proj" => [d, q],
                    "mlp.gate_proj" or "mlp.up_proj" => [f, d],
                    "mlp.down_proj" => [d, f],
                    _ => [d],
                };
                yield return (Layer(layer, part), shape);
            }
        }

        yield return (FinalNorm, [d]);
        if (!config.TiedEmbeddings)
        {
            yield return (Head, [v, d]);
        }
    }
}
