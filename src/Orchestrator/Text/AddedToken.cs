using System.Buffers;

namespace Hybrid.Orchestrator.Text;

/// <summary>A token matched in the text itself, before pre-tokenization.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="Special">Whether it is a control token: dropped by decoding on request, and plain text where the caller says so.</param>
/// <param name="Normalized">Whether it is looked for after the tokens that are not normalized. (No normalizer is supported.)</param>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized);

/// <summary>A stretch of text: an added token, or (with <see cref="Id"/> null) text between them.</summary>
internal readonly record struct TextSegment(int Start, int Length, int? Id);

/// <summary>Cuts text at a set of added tokens: the leftmost match first, the longest of those that start there.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> byContent;
    private readonly SearchValues<string> contents;
    private readonly int[] lengthsLongestFirst;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        Dictionary<string, AddedToken> all = tokens.ToDictionary(token => token.Content, StringComparer.Ordinal);
        byContent = all.GetAlternateLookup<ReadOnlySpan<char>>();
        contents = SearchValues.Create([.. all.Keys], StringComparison.Ordinal);
        lengthsLongestFirst = [.. all.Keys.Select(content => content.Length).Distinct().OrderDescending()];
    }

    /// <summary>
    /// Adds the segments of a stretch of <paramref name="text"/>. A special token that is to stay text still uses up the
    /// characters it covers, as in Hugging Face's <c>encode_special_tokens</c>: no other token is found inside it.
    /// </summary>
    public void Split(ReadOnlySpan<char> text, TextSegment stretch, bool specialIsText, List<TextSegment> segments)
    {
        int end = stretch.Start + stretch.Length;
        int textStart = stretch.Start;
        int at = stretch.Start;
        while (at < end)
        {
            int found = text[at..end].IndexOfAny(contents);
            if (found < 0)
            {
                break;
            }

            at += found;
            AddedToken token = LongestAt(text[at..end]);
            if (!(specialIsText && token.Special))
            {
                AddText(textStart, at, segments);
                segments.Add(new TextSegment(at, token.Content.Length, token.Id));
                textStart = at + token.Content.Length;
            }

            at += token.Content.Length;
        }

        AddText(textStart, end, segments);
    }

    private static void AddText(int start, int end, List<TextSegment> segments)
    {
        if (end > start)
        {
            segments.Add(new TextSegment(start, end - start, Id: null));
        }
    }

    private AddedToken LongestAt(ReadOnlySpan<char> text)
    {
        foreach (int length in lengthsLongestFirst)
        {
            if (length <= text.Length && byContent.TryGetValue(text[..length], out AddedToken? token))
            {
                return token;
            }
        }

        throw new InvalidOperationException("A match was found that no added token explains.");
    }
}
