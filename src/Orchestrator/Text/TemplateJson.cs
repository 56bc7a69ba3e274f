using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>Reads the <c>post_processor</c> of a tokenizer.json: which ids go before and after one sequence.</summary>
internal static class TemplateJson
{
    /// <summary>Templates have one to four pieces. Pieces that each name many ids would multiply.</summary>
    private const int MostPieces = 64;

    private static readonly string[] Keys =
        ["processors", "single", "pair", "special_tokens", .. TokenizerJson.ByteLevelKeys];

    /// <summary>The ids before and after; both empty where there is no template.</summary>
    public static (List<int> Prefix, List<int> Suffix) Read(JsonSection root, BpeModel model, IReadOnlyList<AddedToken> addedTokens)
    {
        (List<int> Prefix, List<int> Suffix) result = ([], []);
        if (root.Find("post_processor") is null)
        {
            return result;
        }

        JsonSection processor = root.Section("post_processor", Keys);
        List<JsonSection> processors = IsType(processor, "Sequence") ? processor.Sections("processors", Keys) : [processor];
        bool found = false;
        foreach (JsonSection part in processors)
        {
            if (IsType(part, "ByteLevel"))
            {
                continue; // It only moves offsets.
            }

            if (!IsType(part, "TemplateProcessing"))
            {
                throw part.Error("type", "ByteLevel, TemplateProcessing or a Sequence of them");
            }

            if (found)
            {
                throw part.Error("a second TemplateProcessing is not implemented; expected one");
            }

            found = true;
            result = ReadTemplate(part, model, addedTokens);
        }

        return result;
    }

    private static bool IsType(JsonSection section, string type) =>
        section.Find("type") is { ValueKind: JsonValueKind.String } value && section.Text(value) == type;

    private static (List<int> Prefix, List<int> Suffix) ReadTemplate(
        JsonSection template, BpeModel model, IReadOnlyList<AddedToken> addedTokens)
    {
        List<int> prefix = [];
        List<int> suffix = [];
        bool seenSequence = false;
        if (template.Array("single").GetArrayLength() > MostPieces)
        {
            throw template.Error($"single: expected at most {MostPieces} pieces, got {template.Array("single").GetArrayLength()}");
        }

        foreach (JsonSection piece in template.Sections("single", "SpecialToken", "Sequence"))
        {
            if (piece.Find("Sequence") is not null)
            {
                piece.Section("Sequence", "id", "type_id").RequireValue("id", "A");
                if (seenSequence)
                {
                    throw template.Error("single: expected the sequence A once");
                }

                seenSequence = true;
                continue;
            }

            string name = piece.Section("SpecialToken", "id", "type_id").String("id");
            (seenSequence ? suffix : prefix).AddRange(ReadIds(template, name, model, addedTokens));
        }

        return seenSequence ? (prefix, suffix) : throw template.Error("single: expected the sequence A once");
    }

    private static List<int> ReadIds(JsonSection template, string name, BpeModel model, IReadOnlyList<AddedToken> addedTokens)
    {
        HybridException Wrong(string problem) => template.Error($"special_tokens: {JsonSection.Quote(name)}: {problem}");

        if (template.Find("special_tokens") is not { ValueKind: JsonValueKind.Object } all
            || !all.TryGetProperty(name, out JsonElement entry)
            || entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("ids", out JsonElement ids) || ids.ValueKind != JsonValueKind.Array
            || !entry.TryGetProperty("tokens", out JsonElement tokens) || tokens.ValueKind != JsonValueKind.Array
            || ids.GetArrayLength() != tokens.GetArrayLength())
        {
            throw Wrong("expected an entry with ids and as many tokens");
        }

        if (ids.GetArrayLength() > MostPieces)
        {
            throw Wrong($"expected at most {MostPieces} ids, got {ids.GetArrayLength()}");
        }

        List<int> result = [];
        foreach ((JsonElement idElement, JsonElement tokenElement) in ids.EnumerateArray().Zip(tokens.EnumerateArray()))
        {
            string token = tokenElement.ValueKind == JsonValueKind.String ? template.Text(tokenElement) : throw Wrong("expected tokens to be strings");
            int? known = addedTokens.FirstOrDefault(added => added.Content == token)?.Id
                ?? (model.Vocabulary.TryGetValue(token, out int inModel) ? inModel : null);
            if (idElement.ValueKind != JsonValueKind.Number || !idElement.TryGetInt32(out int id) || id != known)
            {
                throw Wrong($"expected the id of the token {JsonSection.Quote(token)} ({known?.ToString() ?? "it has none"}), got {JsonSection.Describe(idElement)}");
            }

            result.Add(id);
        }

        return result;
    }
}
