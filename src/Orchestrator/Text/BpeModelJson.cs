using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>Reads the <c>model</c> and <c>added_tokens</c> of a tokenizer.json.</summary>
internal static class BpeModelJson
{
    /// <summary>Ids index arrays, so an id four times beyond the largest vocabularies is a mistake rather than a request for memory.</summary>
    private const int HighestId = (1 << 20) - 1;

    /// <summary>Reads the added tokens, in file order.</summary>
    public static List<AddedToken> ReadAddedTokens(JsonSection root)
    {
        List<AddedToken> tokens = [];
        if (root.Find("added_tokens") is null)
        {
            return tokens;
        }

        HashSet<int> ids = [];
        HashSet<string> contents = new(StringComparer.Ordinal);
        foreach (JsonSection section in root.Sections(
            "added_tokens", "id", "content", "special", "normalized", "single_word", "lstrip", "rstrip"))
        {
            foreach (string option in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip"])
            {
                if (section.Bool(option, otherwise: false))
                {
                    throw section.Error(option, "false, since this feature is not implemented");
                }
            }

            bool special = section.Bool("special", otherwise: false);
            AddedToken token = new(
                section.Find("id") is { } id && TryReadId(id, out int value) ? value : throw section.Error("id", IdRange),
                section.String("content"),
                special,
                section.Bool("normalized", otherwise: !special));
            if (token.Content.Length == 0)
            {
                throw section.Error("content", "at least one character");
            }

            if (!ids.Add(token.Id))
            {
                throw section.Error("id", "an id that no earlier added token has");
            }

            if (!contents.Add(token.Content))
            {
                throw section.Error("content", "a text that no earlier added token has");
            }

            tokens.Add(token);
        }

        return tokens;
    }

    /// <summary>Reads the model and checks it against the added tokens.</summary>
    public static BpeModel ReadModel(JsonSection root, IReadOnlyList<AddedToken> addedTokens)
    {
        JsonSection model = root.Section(
            "model",
            ["type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"]);

        // Files of the first GPT-2 era name no type; their vocab and merges say that it is BPE.
        if (model.Find("type") is not null)
        {
            model.RequireValue("type", "BPE");
        }

        model.RequireUnused("dropout", "0", "0.0");
        model.RequireUnused("unk_token");
        model.RequireUnused("continuing_subword_prefix", "\"\"");
        model.RequireUnused("end_of_word_suffix", "\"\"");
        model.RequireUnused("fuse_unk", "false");
        model.RequireUnused("byte_fallback", "false");

        Dictionary<string, int> vocabulary = ReadVocabulary(model, addedTokens);
        HashSet<int> specialIds = [.. addedTokens.Where(token => token.Special).Select(token => token.Id)];
        MergeTable merges = ReadMerges(model, vocabulary, specialIds);
        for (int value = 0; value < 256; value++)
        {
            string character = ByteAlphabet.ToChar((byte)value).ToString();
            if (vocabulary.TryGetValue(character, out int id) && specialIds.Contains(id))
            {
                throw model.Error($"the token {JsonSection.Quote(character)} of a byte is also a special token; expected one or the other");
            }
        }

        return new BpeModel(vocabulary, merges, model.Bool("ignore_merges", otherwise: false), specialIds);
    }

    private static string IdRange => $"an id from 0 to {HighestId}";

    private static bool TryReadId(JsonElement element, out int id)
    {
        id = -1;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out id) && id is >= 0 and <= HighestId;
    }

    private static Dictionary<string, int> ReadVocabulary(JsonSection model, IReadOnlyList<AddedToken> addedTokens)
    {
        if (model.Find("vocab") is not { ValueKind: JsonValueKind.Object } vocab || vocab.GetPropertyCount() == 0)
        {
            throw model.Error("vocab", "an object of tokens and ids");
        }

        Dictionary<string, int> vocabulary = new(vocab.GetPropertyCount(), StringComparer.Ordinal);
        Dictionary<int, string> tokens = new(vocab.GetPropertyCount());
        foreach (JsonProperty entry in vocab.EnumerateObject())
        {
            string token = model.Name(entry);
            if (token.Length == 0 || !TryReadId(entry.Value, out int id))
            {
                throw model.Error($"vocab: expected {IdRange} for a token that is not empty, got {JsonSection.Quote(token)}: {JsonSection.Describe(entry.Value)}");
            }

            if (!vocabulary.TryAdd(token, id))
            {
                throw model.Error($"vocab: the token {JsonSection.Quote(token)} is there twice");
            }

            if (!tokens.TryAdd(id, token))
            {
                throw model.Error($"vocab: the id {id} belongs to {JsonSection.Quote(tokens[id])} and to {JsonSection.Quote(token)}; expected one token");
            }
        }

        foreach (AddedToken added in addedTokens)
        {
            if (tokens.TryGetValue(added.Id, out string? other) && other != added.Content)
            {
                throw model.Error($"vocab: the id {added.Id} belongs to {JsonSection.Quote(other)} and to the added token {JsonSection.Quote(added.Content)}; expected one token");
            }

            if (vocabulary.TryGetValue(added.Content, out int id) && id != added.Id)
            {
                throw model.Error($"vocab: the added token {JsonSection.Quote(added.Content)} has id {id} here and {added.Id} in added_tokens; expected one id");
            }
        }

        return vocabulary;
    }

    private static MergeTable ReadMerges(JsonSection model, Dictionary<string, int> vocabulary, HashSet<int> specialIds)
    {
        JsonElement array = model.Array("merges");
        MergeTable merges = new(array.GetArrayLength());
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        int index = -1;
        foreach (JsonElement element in array.EnumerateArray())
        {
            index++;
            (string joined, int split) = ReadPair(model, index, element);
            if (split < 0)
            {
                continue;
            }

            int Id(ReadOnlySpan<char> token) => lookup.TryGetValue(token, out int id)
                ? id
                : throw model.Error($"merges[{index}]: expected tokens of the vocabulary, but {JsonSection.Quote(token.ToString())} is not in it");

            int whole = Id(joined);
            if (specialIds.Contains(whole))
            {
                throw model.Error($"merges[{index}]: the result {JsonSection.Quote(joined)} is a special token; expected one that text may become");
            }

            if (!merges.TryAdd(Id(joined.AsSpan(0, split)), Id(joined.AsSpan(split)), whole))
            {
                throw model.Error($"merges[{index}]: the pair {JsonSection.Describe(element)} making {JsonSection.Quote(joined)} is there twice");
            }
        }

        return merges;
    }

    /// <summary>Reads "a b" or ["a", "b"]: the two joined, and where to cut; -1 for a version line, which older files carry along.</summary>
    private static (string Joined, int Split) ReadPair(JsonSection model, int index, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            string text = model.Text(element);
            if (text.StartsWith("#version", StringComparison.Ordinal))
            {
                return (text, -1);
            }

            int blank = text.IndexOf(' ', StringComparison.Ordinal);
            if (blank > 0 && blank < text.Length - 1 && text.IndexOf(' ', blank + 1) < 0)
            {
                return (text.Remove(blank, 1), blank);
            }
        }
        else if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() == 2
            && element[0].ValueKind == JsonValueKind.String && element[1].ValueKind == JsonValueKind.String)
        {
            string left = model.Text(element[0]);
            string right = model.Text(element[1]);
            if (left.Length > 0 && right.Length > 0)
            {
                return (left + right, left.Length);
            }
        }

        throw model.Error($"merges[{index}]: expected \"left right\" or [\"left\", \"right\"], got {JsonSection.Describe(element)}");
    }
}
