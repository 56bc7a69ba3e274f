using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hybrid.Orchestrator.Model;

/// <summary>Reads and writes Hugging Face's <c>config.json</c>. A field that would change the computation and is not implemented is an error.</summary>
internal static class LlamaConfigJson
{
    /// <summary>Fields that say nothing about the computation of a forward pass.</summary>
    private static readonly HashSet<string> Harmless =
    [
        "_name_or_path", "architectures", "bos_token_id", "eos_token_id", "pad_token_id", "initializer_range", "torch_dtype", "dtype", "transformers_version",
        "use_cache", "pretraining_tp", "max_length",
    ];

    /// <summary>Fields that must have one of these values (as JSON text), because nothing else is implemented.</summary>
    private static readonly Dictionary<string, string[]> Fixed = new()
    {
        ["model_type"] = ["\"llama\""],
        ["hidden_act"] = ["\"silu\""],
        ["attention_bias"] = ["false"],
        ["mlp_bias"] = ["false"],
        ["attention_dropout"] = ["0", "0.0"],
        ["sliding_window"] = ["null"],
        ["quantization_config"] = ["null"],
    };

    private static readonly HashSet<string> Read =
    [
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size", "rms_norm_eps",
        "rope_theta", "rope_scaling", "max_position_embeddings", "tie_word_embeddings",
    ];

    /// <summary>Reads a file.</summary>
    /// <exception cref="HybridException">ModelFile: missing or malformed. UnsupportedModel: a field is not implemented. The message names file and field.</exception>
    public static LlamaConfig Load(string path)
    {
        JsonObject root = Parse(path);
        foreach ((string name, JsonNode? value) in root)
        {
            string text = value?.ToJsonString() ?? "null";
            if (Fixed.TryGetValue(name, out string[]? allowed))
            {
                if (!allowed.Contains(text))
                {
                    throw new HybridException(ErrorKind.UnsupportedModel, $"{path}: {name} is {Shorten(text)}, only {string.Join(" or ", allowed)} is implemented");
                }
            }
            else if (!Harmless.Contains(name) && !Read.Contains(name))
            {
                throw new HybridException(ErrorKind.UnsupportedModel, $"{path}: field '{name}' is not implemented");
            }
        }

        if (!root.ContainsKey("model_type"))
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: field 'model_type' is missing");
        }

        int hidden = Integer(path, root, "hidden_size"), heads = Integer(path, root, "num_attention_heads");
        var config = new LlamaConfig
        {
            HiddenSize = hidden,
            IntermediateSize = Integer(path, root, "intermediate_size"),
            Layers = Integer(path, root, "num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = Integer(path, root, "num_key_value_heads", heads),
            HeadDimension = Integer(path, root, "head_dim", heads > 0 && hidden % heads == 0 ? hidden / heads : null),
            VocabularySize = Integer(path, root, "vocab_size"),
            RmsNormEpsilon = Number(path, root, "rms_norm_eps"),
            RopeTheta = Number(path, root, "rope_theta"),
            RopeScaling = ReadScaling(path, root),
            MaximumPositions = Integer(path, root, "max_position_embeddings"),
            TiedEmbeddings = root["tie_word_embeddings"] is { } tied && Value<bool>(path, tied, "tie_word_embeddings"),
        };
        HybridException.ThrowIfAny(ErrorKind.ModelFile, path, config.Validate());
        return config;
    }

    /// <summary>The element type that config.json names for the weights, such as bfloat16; null where it names none.</summary>
    /// <exception cref="HybridException">ModelFile.</exception>
    public static string? LoadElementType(string path)
    {
        JsonObject root = Parse(path);
        return (root["dtype"] ?? root["torch_dtype"]) is JsonValue value && value.TryGetValue(out string? name) ? name : null;
    }

    /// <summary>The JSON text of a configuration, with the field that loaders use to choose an element type.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="torchDtype">Name of the weights' element type, such as bfloat16.</param>
    /// <param name="beginOfText">Id of the token before every text.</param>
    /// <param name="endOfText">Id of the token that ends a text.</param>
    /// <param name="source">
    /// The config.json of the model that this one was made from, if any: its fields that say nothing about the computation stay, token ids
    /// among them (an instruct model has several that end a text).
    /// </param>
    /// <exception cref="HybridException">ModelFile: the source cannot be read.</exception>
    public static string Write(LlamaConfig config, string torchDtype, int? beginOfText, int? endOfText, string? source = null)
    {
        JsonObject root = source is null ? [] : Parse(source);
        root.TryAdd("architectures", new JsonArray("LlamaForCausalLM"));
        root["model_type"] = "llama";
        root["hidden_act"] = "silu";
        root.Remove("rope_scaling");
        foreach ((string name, JsonNode? value) in Architecture(config))
        {
            root[name] = value?.DeepClone();
        }

        root["attention_bias"] = false;
        root["mlp_bias"] = false;
        root["torch_dtype"] = torchDtype;
        if (root.ContainsKey("dtype")) // its newer name
        {
            root["dtype"] = torchDtype;
        }

        if (beginOfText is { } begin)
        {
            root.TryAdd("bos_token_id", begin);
        }

        if (endOfText is { } end)
        {
            root.TryAdd("eos_token_id", end);
        }

        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
    }

    /// <summary>The fields that make up the architecture, by their names in config.json.</summary>
    internal static JsonObject Architecture(LlamaConfig config)
    {
        var fields = new JsonObject
        {
            ["hidden_size"] = config.HiddenSize,
            ["intermediate_size"] = config.IntermediateSize,
            ["num_hidden_layers"] = config.Layers,
            ["num_attention_heads"] = config.Heads,
            ["num_key_value_heads"] = config.KeyValueHeads,
            ["head_dim"] = config.HeadDimension,
            ["vocab_size"] = config.VocabularySize,
            ["rms_norm_eps"] = config.RmsNormEpsilon,
            ["rope_theta"] = config.RopeTheta,
            ["max_position_embeddings"] = config.MaximumPositions,
            ["tie_word_embeddings"] = config.TiedEmbeddings,
        };
        if (config.RopeScaling is { } scaling)
        {
            fields["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = scaling.Factor,
                ["low_freq_factor"] = scaling.LowFrequencyFactor,
                ["high_freq_factor"] = scaling.HighFrequencyFactor,
                ["original_max_position_embeddings"] = scaling.OriginalContext,
            };
        }

        return fields;
    }

    private static JsonObject Parse(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            JsonObject root = JsonNode.Parse(stream, documentOptions: options) as JsonObject
                ?? throw new HybridException(ErrorKind.ModelFile, $"{path}: a JSON object is expected");
            Decode(root);
            return root;
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: not valid JSON, line {error.LineNumber + 1}: {error.Message.Split('.')[0]}", error);
        }
        catch (InvalidOperationException error) // a name or a text with half of a surrogate pair, or not in UTF-8
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: a text in it is not Unicode", error);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: no such file", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    // The JSON reader looks at a text's bytes and escapes only when it is asked for, so all are asked for at once.
    private static void Decode(JsonNode? node)
    {
        if (node is JsonObject section)
        {
            foreach ((_, JsonNode? value) in section)
            {
                Decode(value);
            }
        }
        else if (node is JsonArray list)
        {
            foreach (JsonNode? item in list)
            {
                Decode(item);
            }
        }
        else if (node?.GetValueKind() is JsonValueKind.String)
        {
            node.GetValue<string>();
        }
    }

    private static RopeScaling? ReadScaling(string path, JsonObject root)
    {
        if (root["rope_scaling"] is not { } node)
        {
            return null;
        }

        if (node is not JsonObject scaling)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: rope_scaling must be an object or null");
        }

        string? kind = (scaling["rope_type"] ?? scaling["type"])?.ToJsonString();
        if (kind == "\"default\"" && scaling.All(field => field.Key is "rope_type" or "type"))
        {
            return null; // no scaling, said at length
        }

        if (kind != "\"llama3\"")
        {
            throw new HybridException(ErrorKind.UnsupportedModel, $"{path}: rope_scaling of rope_type {Shorten(kind ?? "null")} is not implemented, only \"llama3\" is");
        }

        string[] known = ["rope_type", "type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"];
        if (scaling.FirstOrDefault(field => !known.Contains(field.Key)).Key is { } unknown)
        {
            throw new HybridException(ErrorKind.UnsupportedModel, $"{path}: rope_scaling field '{unknown}' is not implemented");
        }

        return new RopeScaling(
            Number(path, scaling, "factor"),
            Number(path, scaling, "low_freq_factor"),
            Number(path, scaling, "high_freq_factor"),
            Integer(path, scaling, "original_max_position_embeddings"));
    }

    private static int Integer(string path, JsonObject root, string name, int? missing = null) =>
        root[name] is { } node ? Value<int>(path, node, name) : missing ?? throw new HybridException(ErrorKind.ModelFile, $"{path}: field '{name}' is missing");

    private static double Number(string path, JsonObject root, string name) =>
        root[name] is { } node ? Value<double>(path, node, name) : throw new HybridException(ErrorKind.ModelFile, $"{path}: field '{name}' is missing");

    private static T Value<T>(string path, JsonNode node, string name) =>
        node is JsonValue value && value.TryGetValue(out T? result)
            ? result
            : throw new HybridException(ErrorKind.ModelFile, $"{path}: field '{name}' is {Shorten(node.ToJsonString())}, a {typeof(T).Name.ToLowerInvariant()} is expected");

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
