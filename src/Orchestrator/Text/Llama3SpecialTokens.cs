using System.Globalization;
using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// The 256 special tokens that follow Llama 3's 128,000 ranks, which tokenizer.model does not hold. 3.0 and 3.1 give some ids other names;
/// the numbers of the reserved ones shift with them.
/// </summary>
internal static class Llama3SpecialTokens
{
    /// <summary>Tokens of tokenizer.model; the first special token's id.</summary>
    public const int FirstId = 128_000;

    private const int Count = 256;
    private const string ConfigFile = "tokenizer_config.json";
    private const string ConfigKey = "added_tokens_decoder";
    private const string MapFile = "special_tokens_map.json";

    /// <summary>Llama 3.0's, in the order of ids; as in Meta's reference code.</summary>
    public static IReadOnlyList<string> Version30 { get; } = Names(new()
    {
        [0] = "<|begin_of_text|>",
        [1] = "<|end_of_text|>",
        [6] = "<|start_header_id|>",
        [7] = "<|end_header_id|>",
        [9] = "<|eot_id|>",
    });

    /// <summary>Llama 3.1's, in the order of ids; as in its tokenizer.json.</summary>
    public static IReadOnlyList<string> Version31 { get; } = Names(new()
    {
        [0] = "<|begin_of_text|>",
        [1] = "<|end_of_text|>",
        [4] = "<|finetune_right_pad_id|>",
        [6] = "<|start_header_id|>",
        [7] = "<|end_header_id|>",
        [8] = "<|eom_id|>",
        [9] = "<|eot_id|>",
        [10] = "<|python_tag|>",
    });

    /// <summary>
    /// Those that agree with what a model's folder says of them in tokenizer_config.json (<c>added_tokens_decoder</c>) and
    /// special_tokens_map.json; 3.0's where it says nothing that tells them apart.
    /// </summary>
    /// <exception cref="HybridException">Tokenizer: it says what holds for neither, or a file is malformed. Io: a file cannot be read.</exception>
    public static IReadOnlyList<string> Choose(string folder)
    {
        IReadOnlyList<string>[] possible = [Version30, Version31];
        foreach ((string place, string name, int? id) in Said(folder))
        {
            possible = [.. possible.Where(names => id is { } known ? known - FirstId is >= 0 and < Count && names[known - FirstId] == name : names.Contains(name))];
            if (possible.Length == 0)
            {
                throw new HybridException(
                    ErrorKind.Tokenizer, $"{place}: {JsonSection.Quote(name)} does not stand there in Llama 3.0 or 3.1; expected their special tokens, or a tokenizer.json, which knows its own");
            }
        }

        return possible[0];
    }

    private static string[] Names(Dictionary<int, string> named)
    {
        int reserved = 0;
        return [.. Enumerable.Range(0, Count).Select(i => named.GetValueOrDefault(i) ?? $"<|reserved_special_token_{reserved++}|>")];
    }

    /// <summary>Names of special tokens, with their ids where the file gives them, and where they stand.</summary>
    private static IEnumerable<(string Place, string Name, int? Id)> Said(string folder)
    {
        string config = Path.Combine(folder, ConfigFile), map = Path.Combine(folder, MapFile);
        if (File.Exists(config))
        {
            using JsonDocument document = CompanionJson.Read(config);
            if (document.RootElement.TryGetProperty(ConfigKey, out JsonElement decoder) && decoder.ValueKind is not JsonValueKind.Null)
            {
                foreach (JsonProperty entry in CompanionJson.Object(decoder, $"{config}: {ConfigKey}").EnumerateObject())
                {
                    string place = $"{config}: {ConfigKey}.{entry.Name}";
                    yield return int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                        ? (place, NameOf(entry.Value, place), id)
                        : throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected an id as the key");
                }
            }
        }

        if (File.Exists(map))
        {
            using JsonDocument document = CompanionJson.Read(map);
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                string place = $"{map}: {entry.Name}";
                foreach (JsonElement token in entry.Value.ValueKind is JsonValueKind.Array ? entry.Value.EnumerateArray().ToArray() : [entry.Value])
                {
                    yield return (place, NameOf(token, place), null);
                }
            }
        }
    }

    /// <summary>A token as its text or as an object with its text.</summary>
    private static string NameOf(JsonElement token, string place)
    {
        JsonElement name = token.ValueKind is JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content) ? content : token;
        return name.ValueKind is JsonValueKind.String
            ? name.GetString()!
            : throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected a token's text or an object with its content, got {JsonSection.Describe(token)}");
    }
}
