using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>
/// A small tokenizer.json to load as it is or with changes. Its model: the 256 bytes with the byte's value as id, then
/// ab = 256 (merge 0), bc = 257 (1), abc = 258 (2: ab+c), Ġa = 259 (no merge), and the special token &lt;s&gt; = 260, and the
/// added tokens &lt;s&gt;&lt;s&gt; = 261 (special) and @@ = 262 (not special).
/// </summary>
internal sealed class TokenizerFile
{
    private readonly JsonNode root;

    public TokenizerFile(bool ignoreMerges = false)
    {
        JsonObject vocab = [];
        for (int value = 0; value < 256; value++)
        {
            vocab[ByteAlphabet.ToChar((byte)value).ToString()] = value;
        }

        (vocab["ab"], vocab["bc"], vocab["abc"], vocab["Ġa"]) = (256, 257, 258, 259);
        root = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(Added(260, "<s>", special: true), Added(261, "<s><s>", special: true), Added(262, "@@", special: false)),
            ["normalizer"] = null,
            ["pre_tokenizer"] = JsonNode.Parse("""{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"""),
            ["post_processor"] = null,
            ["decoder"] = JsonNode.Parse("""{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["ignore_merges"] = ignoreMerges,
                ["vocab"] = vocab,
                ["merges"] = new JsonArray("a b", "b c", "ab c"),
            },
        };
    }

    /// <summary>A JSON text with Llama 3's pre-tokenizer.</summary>
    public static string Llama3PreTokenizer => new JsonObject
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = PieceScanners.Llama3Pattern },
                ["behavior"] = "Isolated",
                ["invert"] = false,
            },
            JsonNode.Parse("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}""")),
    }.ToJsonString();

    /// <summary>Sets what is at a path of keys and indexes, such as <c>added_tokens/0/id</c>; the value is JSON, or null to remove the key.</summary>
    public TokenizerFile With(string path, string? json)
    {
        string[] keys = path.Split('/');
        JsonNode parent = keys[..^1].Aggregate(root, (node, key) => (node is JsonArray ? node[int.Parse(key, CultureInfo.InvariantCulture)] : node[key])!);
        if (json is null)
        {
            Xunit.Assert.True(parent.AsObject().Remove(keys[^1]));
        }
        else if (parent is JsonArray)
        {
            parent[int.Parse(keys[^1], CultureInfo.InvariantCulture)] = JsonNode.Parse(json);
        }
        else
        {
            parent[keys[^1]] = JsonNode.Parse(json);
        }

        return this;
    }

    public string Json => root.ToJsonString();

    public Tokenizer Load() => Tokenizer.FromJson("tokenizer.json", Encoding.UTF8.GetBytes(Json));

    private static JsonObject Added(int id, string content, bool special) => new()
    {
        ["id"] = id, ["content"] = content, ["special"] = special, ["normalized"] = false, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
    };
}
