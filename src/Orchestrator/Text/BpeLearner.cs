using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>Learns a byte-level BPE tokenizer with Llama 3's pre-tokenizer.</summary>
internal static class BpeLearner
{
    private const int Bytes = 256;

    /// <summary>The special tokens of a Llama 3 base model that a small tokenizer needs.</summary>
    public static IReadOnlyList<string> Llama3SpecialTokens { get; } = ["<|begin_of_text|>", "<|end_of_text|>"];

    /// <summary>
    /// Learns merges until the vocabulary has the size asked for or no pair of neighbours occurs twice, whichever is first.
    /// Deterministic, and independent of the order of the texts: the most frequent pair is merged next, of equals the one with
    /// the smaller left id, then the smaller right id. Ids are the 256 bytes, learned tokens in the order they were learned,
    /// and the special tokens in the order given. Special tokens in the texts are not learned from.
    /// </summary>
    /// <param name="texts">Texts to learn from.</param>
    /// <param name="vocabularySize">The most tokens to have, bytes and special tokens included.</param>
    /// <param name="specialTokens">Special tokens; <see cref="Llama3SpecialTokens"/> unless there is reason for others.</param>
    /// <exception cref="HybridException">
    /// <see cref="ErrorKind.Tokenizer"/>: the size does not hold the bytes and the special tokens, or a special token is empty,
    /// given twice, or the same as a byte's token.
    /// </exception>
    public static Tokenizer Learn(IEnumerable<string> texts, int vocabularySize, IReadOnlyList<string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(specialTokens);
        Check(vocabularySize, specialTokens);

        List<string> tokens = [.. Enumerable.Range(0, Bytes).Select(value => ByteAlphabet.ToChar((byte)value).ToString())];
        Dictionary<string, int> ids = tokens.Select((token, id) => (token, id)).ToDictionary(StringComparer.Ordinal);
        List<(string Left, string Right)> merges = [];
        HashSet<(int Left, int Right)> merged = [];
        PairCounts pairs = new(CountWords(texts, specialTokens).Select(word => (ToIds(word.Key), word.Value)));
        while (tokens.Count + specialTokens.Count < vocabularySize && pairs.TakeMostFrequent(least: 2) is { } pair)
        {
            string token = tokens[pair.Left] + tokens[pair.Right];
            if (specialTokens.Contains(token))
            {
                continue; // Text must not turn into a special token by merging.
            }

            // Should two pairs spell the same token (ab+c and a+bc), both merges are needed and the token once. No text is known
            // that makes them do so, but nothing here rests on that.
            if (!ids.TryGetValue(token, out int id))
            {
                id = tokens.Count;
                tokens.Add(token);
                ids.Add(token, id);
            }

            // Likewise, a token spelled anew could bring back a pair that was used up, whose merge is known already.
            if (merged.Add(pair))
            {
                merges.Add((tokens[pair.Left], tokens[pair.Right]));
            }

            pairs.Merge(pair, id);
        }

        // Through the reader, so that a learned tokenizer and a loaded one cannot differ.
        return Tokenizer.FromJson("learned tokenizer", TokenizerJsonWriter.Write(tokens, merges, specialTokens));
    }

    private static void Check(int vocabularySize, IReadOnlyList<string> specialTokens)
    {
        int least = Bytes + specialTokens.Count;
        if (vocabularySize < least)
        {
            throw new HybridException(
                ErrorKind.Tokenizer,
                $"vocabularySize: expected at least {least} ({Bytes} bytes and {specialTokens.Count} special tokens), got {vocabularySize}.");
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string token in specialTokens)
        {
            if (string.IsNullOrEmpty(token) || !seen.Add(token)
                || (token.Length == 1 && Enumerable.Range(0, Bytes).Any(value => ByteAlphabet.ToChar((byte)value) == token[0])))
            {
                throw new HybridException(
                    ErrorKind.Tokenizer,
                    $"specialTokens: expected different texts, none of them empty or a byte's token, got {JsonSection.Quote(token ?? "")}.");
            }
        }
    }

    private static Dictionary<string, long> CountWords(IEnumerable<string> texts, IReadOnlyList<string> specialTokens)
    {
        AddedTokenMatcher matcher = new(specialTokens.Select((token, index) => new AddedToken(index, token, Special: true, Normalized: false)));
        Dictionary<string, long> words = new(StringComparer.Ordinal);
        List<TextSegment> segments = [];
        foreach (string text in texts)
        {
            segments.Clear();
            matcher.Split(text, new TextSegment(0, text.Length, Id: null), specialIsText: false, segments);
            foreach (TextSegment segment in segments.Where(segment => segment.Id is null))
            {
                foreach (string piece in PreTokenizer.Split(PieceScanners.Llama3, text.Substring(segment.Start, segment.Length)))
                {
                    words[piece] = words.GetValueOrDefault(piece) + 1;
                }
            }
        }

        return words;
    }

    private static List<int> ToIds(string word) => [.. Encoding.UTF8.GetBytes(word).Select(value => (int)value)];
}
