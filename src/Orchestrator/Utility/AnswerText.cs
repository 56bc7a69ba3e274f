using System.Text.RegularExpressions;

namespace Hybrid.Orchestrator.Utility;

/// <summary>
/// How an answer in words is compared with what is right: normalized as SQuAD's evaluation does (Rajpurkar et al. 2016), which RWKU follows.
/// </summary>
internal static partial class AnswerText
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"; // ASCII's, no other

    /// <summary>Lower case, ASCII punctuation removed, then the articles a, an and the; single spaces between words.</summary>
    public static string Normalize(string text) => string.Join(' ', Words(text));

    /// <summary>The words of the normalized text.</summary>
    public static IReadOnlyList<string> Words(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string plain = string.Concat(text.ToLowerInvariant().Where(letter => !Punctuation.Contains(letter)));
        return Article().Replace(plain, " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>
    /// Equal after normalization. A gold that normalizes to nothing, such as "(A)" or "} )", is compared as it stands, spaces at the ends apart:
    /// otherwise every answer of punctuation, and no letter, would be right.
    /// </summary>
    public static bool ExactMatch(string answer, string gold)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(gold);
        string right = Normalize(gold);
        return right.Length > 0 ? Normalize(answer) == right : answer.Trim() == gold.Trim();
    }

    /// <summary>
    /// What RWKU's code counts as an exact match: the normalized answer equals one normalized character of the gold, since its loop over golds
    /// meets the letters of one string. An empty answer is the word NOANSWER there. Only for comparison with figures found that way.
    /// </summary>
    public static bool RwkuExactMatch(string answer, string gold)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(gold);
        string said = Normalize(answer.Length == 0 ? "NOANSWER" : answer);
        return gold.EnumerateRunes().Any(letter => Normalize(letter.ToString()) == said);
    }

    /// <summary>
    /// The harmonic mean of precision and recall of the answer's words, counted with repetition; the best over the golds. Where either has no
    /// words: 1 if neither has, else 0.
    /// </summary>
    public static double TokenF1(string answer, IReadOnlyList<string> golds)
    {
        ArgumentNullException.ThrowIfNull(golds);
        return golds.Max(gold => TokenF1(Words(answer), Words(gold)));
    }

    private static double TokenF1(IReadOnlyList<string> answer, IReadOnlyList<string> gold)
    {
        if (answer.Count == 0 || gold.Count == 0)
        {
            return answer.Count == gold.Count ? 1 : 0;
        }

        Dictionary<string, int> left = gold.CountBy(word => word, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        int common = answer.CountBy(word => word, StringComparer.Ordinal).Sum(word => Math.Min(word.Value, left.GetValueOrDefault(word.Key)));
        return 2.0 * common / (answer.Count + gold.Count);
    }

    [GeneratedRegex(@"\b(a|an|the)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Article();
}
