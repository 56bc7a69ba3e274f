using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Model;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

public sealed class LlamaConfigJsonTests : IDisposable
{
    private const string Complete = """
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 12, "intermediate_size": 20,
          "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 50, "rms_norm_eps": 1e-06,
          "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}, "max_position_embeddings": 4096, "tie_word_embeddings": true, "attention_bias": false,
          "mlp_bias": false, "attention_dropout": 0.0, "sliding_window": null, "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": [2, 3]
        }
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("{\"model_type\": \"\\ud800\"}")]
    [InlineData("{\"\\ud800\": 1}")]
    [InlineData("{\"architectures\": [{\"a\": \"\\udc00\"}]}")]
    [InlineData("{\"model_type\": \"\u00ff\"}")]
    public void TextThatIsNotUnicodeIsRefused(string json)
    {
        File.WriteAllBytes(folder.File("config.json"), System.Text.Encoding.Latin1.GetBytes(json));

        foreach (Action read in (Action[])[() => LlamaConfigJson.Load(folder.File("config.json")), () => LlamaConfigJson.LoadElementType(folder.File("config.json"))])
        {
            HybridException refused = Assert.Throws<HybridException>(read);
            Assert.Equal((ErrorKind.ModelFile, $"{folder.File("config.json")}: a text in it is not Unicode"), (refused.Kind, refused.Message));
        }
    }

    [Fact]
    public void ReadsEveryField()
    {
        LlamaConfig expected = new()
        {
            HiddenSize = 12,
            IntermediateSize = 20,
            Layers = 3,
            Heads = 3,
            KeyValueHeads = 1,
            HeadDimension = 4,
            VocabularySize = 50,
            RmsNormEpsilon = 1e-6,
            RopeTheta = 500_000,
            RopeScaling = new RopeScaling(8, 1, 4, 8192),
            MaximumPositions = 4096,
            TiedEmbeddings = true,
        };

        Assert.Equal(expected, Load(Complete));
    }

    [Fact]
    public void WhatMayBeAbsentHasHuggingFacesDefault()
    {
        JsonObject root = Parse();
        foreach (string name in new[] { "num_key_value_heads", "rope_scaling", "tie_word_embeddings", "hidden_act", "attention_bias", "torch_dtype" })
        {
            root.Remove(name);
        }

        LlamaConfig config = Load(root.ToJsonString());

        Assert.Equal((3, null, false), (config.KeyValueHeads, config.RopeScaling, config.TiedEmbeddings));
    }

    [Fact]
    public void AHeadMayBeWiderThanItsShare()
    {
        JsonObject root = Parse();
        root["head_dim"] = 8;

        Assert.Equal(8, Load(root.ToJsonString()).HeadDimension);
    }

    [Theory]
    [InlineData("model_type", "\"mistral\"")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("attention_bias", "true")]
    [InlineData("mlp_bias", "true")]
    [InlineData("attention_dropout", "0.1")]
    [InlineData("sliding_window", "4096")]
    [InlineData("quantization_config", "{\"bits\": 4}")]
    [InlineData("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4.0}")]
    [InlineData("rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0}")]
    [InlineData("rope_scaling", "{\"factor\": 2.0}")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16, \"mscale\": 1.0}")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("rope_parameters", "null")]
    [InlineData("Hidden_size", "12")]
    public void AFieldThatIsNotImplementedIsRejectedByName(string field, string value)
    {
        HybridException error = Assert.Throws<HybridException>(() => Load(With(field, value)));

        Assert.Equal(ErrorKind.UnsupportedModel, error.Kind);
        Assert.Contains(field, error.Message, StringComparison.Ordinal);
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hidden_size", "\"12\"")]
    [InlineData("hidden_size", "12.5")]
    [InlineData("hidden_size", "99999999999")]
    [InlineData("num_hidden_layers", "[3]")]
    [InlineData("rms_norm_eps", "\"small\"")]
    [InlineData("rope_theta", "true")]
    [InlineData("tie_word_embeddings", "1")]
    [InlineData("rope_scaling", "8")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": \"1\", \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16}", "low_freq_factor")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0}", "original_max_position_embeddings")]
    public void AValueOfTheWrongTypeIsRejectedByName(string field, string value, string? named = null) => AssertMalformed(With(field, value), named ?? field);

    [Theory]
    [InlineData("hidden_size", "0")]
    [InlineData("num_hidden_layers", "-1")]
    [InlineData("num_key_value_heads", "2")]
    [InlineData("head_dim", "3")]
    [InlineData("rms_norm_eps", "0")]
    [InlineData("rms_norm_eps", "1e400")]
    [InlineData("rope_theta", "1e400")]
    [InlineData("rope_theta", "-10")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16}")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16}")]
    [InlineData("rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 0}")]
    public void ANumberWithoutMeaningIsRejectedByName(string field, string value) => AssertMalformed(With(field, value), field);

    [Theory]
    [InlineData("model_type")]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads")]
    [InlineData("vocab_size")]
    [InlineData("rms_norm_eps")]
    [InlineData("rope_theta")]
    [InlineData("max_position_embeddings")]
    public void AMissingFieldIsNamed(string field)
    {
        JsonObject root = Parse();
        root.Remove(field);

        AssertMalformed(root.ToJsonString(), field);
    }

    [Fact]
    public void AHeadWidthThatDoesNotFollowMustBeGiven()
    {
        AssertMalformed(With("hidden_size", "13"), "head_dim");
    }

    [Fact]
    public void AllProblemsComeAtOnce()
    {
        JsonObject root = Parse();
        root["vocab_size"] = 0;
        root["intermediate_size"] = -4;

        HybridException error = Assert.Throws<HybridException>(() => Load(root.ToJsonString()));

        Assert.Contains("vocab_size", error.Message, StringComparison.Ordinal);
        Assert.Contains("intermediate_size", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"hidden_size\": 12,", "\"hidden_size\": 12, \"hidden_size\": 24,")]
    [InlineData("\"factor\": 8.0,", "\"factor\": 8.0, \"factor\": 4.0,")]
    [InlineData("\"vocab_size\": 50,", "\"vocab_size\": 50,,")]
    [InlineData("\"vocab_size\": 50,", "\"vocab_size\": NaN,")]
    public void ADuplicateKeyOrBrokenTextIsRejected(string part, string replacement)
    {
        Assert.Contains(part, Complete, StringComparison.Ordinal);
        AssertMalformed(Complete.Replace(part, replacement, StringComparison.Ordinal), "config.json");
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    public void WhatIsNoObjectIsRejected(string text) => AssertMalformed(text, "config.json");

    [Fact]
    public void AMissingFileIsNamed()
    {
        HybridException error = Assert.Throws<HybridException>(() => LlamaConfigJson.Load(folder.File("config.json")));

        Assert.Equal(ErrorKind.ModelFile, error.Kind);
        Assert.Contains(folder.File("config.json"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsWrittenReadsBack()
    {
        LlamaConfig config = Load(Complete);
        LlamaConfig plain = config with { RopeScaling = null, TiedEmbeddings = false, HeadDimension = 6, RmsNormEpsilon = 1.25e-5 };

        Assert.Equal(config, Load(LlamaConfigJson.Write(config, "float32", 1, 2)));
        Assert.Equal(plain, Load(LlamaConfigJson.Write(plain, "bfloat16", null, null)));
    }

    [Fact]
    public void FieldsOfTheSourceThatChangeNothingAreKept()
    {
        JsonObject root = Parse();
        root["transformers_version"] = "4.46.0";
        root["use_cache"] = true;
        root["dtype"] = "bfloat16";
        LlamaConfig config = Load(root.ToJsonString());

        JsonObject kept = JsonNode.Parse(LlamaConfigJson.Write(config, "float32", 7, 8, folder.File("config.json")))!.AsObject();
        JsonObject fresh = JsonNode.Parse(LlamaConfigJson.Write(config, "float32", 7, 8))!.AsObject();

        Assert.Equal(("4.46.0", true), ((string)kept["transformers_version"]!, (bool)kept["use_cache"]!));
        Assert.Equal(("[2,3]", "1"), (kept["eos_token_id"]!.ToJsonString(), kept["bos_token_id"]!.ToJsonString()));
        Assert.Equal(("float32", "float32"), ((string)kept["torch_dtype"]!, (string)kept["dtype"]!)); // of the weights as they are now
        Assert.Equal(["attention_dropout", "dtype", "sliding_window", "transformers_version", "use_cache"], kept.Select(field => field.Key).Except(fresh.Select(field => field.Key)).Order());
        Assert.Equal(("8", "7"), (fresh["eos_token_id"]!.ToJsonString(), fresh["bos_token_id"]!.ToJsonString()));
        Assert.Equal(config, Load(kept.ToJsonString()));
        Assert.Equal(config, Load(fresh.ToJsonString()));
    }

    [Fact]
    public void TheArchitectureIsTheModelsAndNotTheSources()
    {
        LlamaConfig config = Load(Complete);
        LlamaConfig other = config with { RopeScaling = null, RopeTheta = 10, TiedEmbeddings = false };

        Assert.Equal(other, Load(LlamaConfigJson.Write(other, "float32", 1, 2, folder.File("config.json"))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheParameterCountIsThatOfTheShapes(bool tied)
    {
        LlamaConfig config = Load(Complete) with { TiedEmbeddings = tied, HeadDimension = 6 };

        Assert.Equal(ParameterNames.All(config).Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)), config.ParameterCount);
    }

    private static JsonObject Parse() => JsonNode.Parse(Complete)!.AsObject();

    private static string With(string field, string value)
    {
        JsonObject root = Parse();
        root[field] = JsonNode.Parse(value);
        return root.ToJsonString();
    }

    private LlamaConfig Load(string text)
    {
        File.WriteAllText(folder.File("config.json"), text);
        return LlamaConfigJson.Load(folder.File("config.json"));
    }

    private void AssertMalformed(string text, string named)
    {
        HybridException error = Assert.Throws<HybridException>(() => Load(text));

        Assert.Equal(ErrorKind.ModelFile, error.Kind);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }
}
