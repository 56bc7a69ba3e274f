using System.Text.Json;
using System.Text.Unicode;

namespace Hybrid.Orchestrator.Text;

/// <summary>Reads a Hugging Face tokenizer.json. Whatever in it would change ids and is not implemented is an error.</summary>
internal static class TokenizerJson
{
    /// <param name="file">The name that errors give the file.</param>
    /// <param name="json">Its content, UTF-8.</param>
    public static TokenizerDefinition Read(string file, ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = Parse(file, json);
        JsonSection root = new(
            file,
            path: "",
            document.RootElement,
            ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"]);
        if (root.Find("version") is not null)
        {
            root.RequireValue("version", "1.0");
        }

        root.RequireUnused("truncation");
        root.RequireUnused("padding");
        root.RequireUnused("normalizer");
        ReadByteLevel(root.Section("decoder", ByteLevelKeys));
        PreTokenizer preTokenizer = ReadPreTokenizer(root);
        List<AddedToken> addedTokens = BpeModelJson.ReadAddedTokens(root);
        BpeModel model = BpeModelJson.ReadModel(root, addedTokens);
        (List<int> prefix, List<int> suffix) = TemplateJson.Read(root, model, addedTokens);
        return new TokenizerDefinition
        {
            Model = model,
            PreTokenizer = preTokenizer,
            AddedTokens = addedTokens,
            TemplatePrefix = prefix,
            TemplateSuffix = suffix,
        };
    }

    /// <summary>The keys of ByteLevel as a pre-tokenizer, post-processor or decoder. <c>trim_offsets</c> moves offsets, not ids.</summary>
    internal static string[] ByteLevelKeys => ["type", "add_prefix_space", "trim_offsets", "use_regex"];

    private static JsonDocument Parse(string file, ReadOnlyMemory<byte> json)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{file}: expected UTF-8 throughout.");
        }

        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException exception)
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{file}: expected valid JSON, {JsonFault.Of(exception)}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // Looking for duplicate keys reads the keys, and this is how the JSON reader reports one that is not Unicode.
            throw new HybridException(
                ErrorKind.Tokenizer, $"{file}: expected keys of valid Unicode text, got an unpaired surrogate.", exception);
        }
    }

    private static PreTokenizer ReadPreTokenizer(JsonSection root)
    {
        const string Shapes = "ByteLevel, or a Sequence of Split and ByteLevel";
        string? type = root.Find("pre_tokenizer") is { ValueKind: JsonValueKind.Object } element
            && element.TryGetProperty("type", out JsonElement name)
            && name.ValueKind == JsonValueKind.String ? root.Text(name) : null;
        if (type == "ByteLevel")
        {
            JsonSection alone = root.Section("pre_tokenizer", ByteLevelKeys);
            (bool addPrefixSpace, bool useRegex) = ReadByteLevel(alone);
            return useRegex
                ? new PreTokenizer(PieceScanners.Gpt2, addPrefixSpace)
                : throw alone.Error("use_regex", "true where no Split comes before it");
        }

        if (type != "Sequence")
        {
            throw root.Error($"pre_tokenizer: expected {Shapes}, got {(type is null ? JsonSection.Describe(root.Find("pre_tokenizer")) : JsonSection.Quote(type))}");
        }

        JsonSection sequence = root.Section("pre_tokenizer", "type", "pretokenizers");
        List<JsonSection> parts = sequence.Sections(
            "pretokenizers", ["pattern", "behavior", "invert", .. ByteLevelKeys]);
        if (parts.Count != 2)
        {
            throw sequence.Error($"pretokenizers: expected Split and ByteLevel, got {parts.Count} parts");
        }

        JsonSection split = parts[0];
        split.RequireValue("type", "Split");
        split.RequireValue("behavior", "Isolated");
        if (split.Bool("invert", otherwise: false))
        {
            throw split.Error("invert", "false");
        }

        JsonSection pattern = split.Section("pattern", "Regex");
        PieceScanner scan = PieceScanners.For(pattern.String("Regex"))
            ?? throw pattern.Error($"unknown Regex {JsonSection.Quote(pattern.String("Regex"))}; expected exactly the pattern of Llama 3 or of GPT-2");

        JsonSection byteLevel = parts[1];
        (bool prefix, bool regex) = ReadByteLevel(byteLevel);
        if (prefix || regex)
        {
            throw byteLevel.Error(prefix ? "add_prefix_space" : "use_regex", "false after a Split");
        }

        return new PreTokenizer(scan, AddPrefixSpace: false);
    }

    private static (bool AddPrefixSpace, bool UseRegex) ReadByteLevel(JsonSection section)
    {
        section.RequireValue("type", "ByteLevel");
        return (section.Bool("add_prefix_space"), section.Bool("use_regex", otherwise: true));
    }
}
