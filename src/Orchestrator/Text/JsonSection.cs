using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// One object of a tokenizer.json, which knows the file and the path of keys that led to it, so that every error can name both.
/// Reading is strict: a key that nothing here understands is an error, since ignoring it would change ids without a word.
/// </summary>
internal sealed class JsonSection
{
    private const int LongestQuote = 60;
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string file;
    private readonly string path;

    public JsonSection(string file, string path, JsonElement element, params ReadOnlySpan<string> knownKeys)
    {
        this.file = file;
        this.path = path;
        Element = element;
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Error($"expected an object, got {Describe(element)}");
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            string key = Name(property);
            if (!knownKeys.Contains(key))
            {
                throw Error($"unknown key {Quote(key)}; expected only {string.Join(", ", knownKeys)}");
            }
        }
    }

    /// <summary>The object itself.</summary>
    public JsonElement Element { get; }

    /// <summary>Text as a JSON string on one line, cut where long.</summary>
    public static string Quote(string text) =>
        JsonSerializer.Serialize(text.Length <= LongestQuote ? text : text[..LongestQuote] + "…", Readable);

    /// <summary>A value, cut where long, for an error message.</summary>
    public static string Describe(JsonElement? value) => value is not { } element
        ? "nothing"
        : element.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            JsonValueKind.String => element.GetRawText() is var raw && raw.Length <= LongestQuote ? raw : raw[..LongestQuote] + "…",
            _ => element.GetRawText(),
        };

    /// <summary>An error about this object.</summary>
    public HybridException Error(string problem) =>
        new(ErrorKind.Tokenizer, path.Length == 0 ? $"{file}: {problem}." : $"{file}: {path}: {problem}.");

    /// <summary>An error about one key: what was expected, and what is there.</summary>
    public HybridException Error(string key, string expected) =>
        new(ErrorKind.Tokenizer, $"{file}: {PathOf(key)}: expected {expected}, got {Describe(Find(key))}.");

    /// <summary>The value of a key, or null where it is missing or JSON null.</summary>
    public JsonElement? Find(string key) =>
        Element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>An object that must be there.</summary>
    public JsonSection Section(string key, params ReadOnlySpan<string> knownKeys) =>
        new(file, PathOf(key), Find(key) ?? throw Error(key, "an object"), knownKeys);

    /// <summary>The objects of an array that must be there; each is named by its index.</summary>
    public List<JsonSection> Sections(string key, params ReadOnlySpan<string> knownKeys)
    {
        List<JsonSection> sections = [];
        foreach (JsonElement element in Array(key).EnumerateArray())
        {
            sections.Add(new JsonSection(file, $"{PathOf(key)}[{sections.Count}]", element, knownKeys));
        }

        return sections;
    }

    /// <summary>An array that must be there.</summary>
    public JsonElement Array(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Array } array ? array : throw Error(key, "an array");

    /// <summary>A string that must be there.</summary>
    public string String(string key) =>
        Find(key) is { ValueKind: JsonValueKind.String } value ? Text(value) : throw Error(key, "a string");

    /// <summary>A boolean; a missing one is <paramref name="otherwise"/>, or an error where that is null.</summary>
    public bool Bool(string key, bool? otherwise = null) => Find(key) switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        null when otherwise is { } value && !Element.TryGetProperty(key, out _) => value,
        _ => throw Error(key, "true or false"),
    };

    /// <summary>Requires a key to be missing, null or one of the values that mean "not used".</summary>
    public void RequireUnused(string key, params ReadOnlySpan<string> unusedRawValues)
    {
        if (Find(key) is { } value && !unusedRawValues.Contains(value.GetRawText()))
        {
            throw Error(key, "null, since this feature is not implemented");
        }
    }

    /// <summary>Requires a string to have one value.</summary>
    public void RequireValue(string key, string expected)
    {
        if (Find(key) is not { ValueKind: JsonValueKind.String } value || Text(value) != expected)
        {
            throw Error(key, Quote(expected));
        }
    }

    /// <summary>The text of a string value.</summary>
    public string Text(JsonElement value) => Text(() => value.GetString()!);

    /// <summary>The name of a property.</summary>
    public string Name(JsonProperty property) => Text(() => property.Name);

    private string PathOf(string key) => path.Length == 0 ? key : $"{path}.{key}";

    // The JSON reader checks a string's bytes and surrogate escapes only here, and reports them as an invalid operation.
    private string Text(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw Error("expected valid Unicode text, got a broken UTF-8 sequence or an unpaired surrogate");
        }
    }
}
