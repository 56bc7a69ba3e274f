using System.Text.RegularExpressions;

namespace Hybrid.Orchestrator.Utility;

/// <summary>
/// Divides English text into words as the Penn Treebank does (Marcus et al. 1993): marks of punctuation are words, "don't" is "do" and "n't",
/// and a period belongs to its word (U.S., 3.5) unless it ends a sentence. NLTK's tokenizer, which RWKU takes, tells sentences apart by a
/// trained model; here a sentence ends at a period that a blank and no small letter follow.
/// </summary>
internal static partial class WordSplitter
{
    private const string Mark = """[;@#$%&?!*()\[\]{}<>«»“”„‘’"`]""";
    private const string Run = @"\.{2,}|-{2,}";
    private const string Comma = @"[,:](?!\d)";
    private const string Period = """\.(?=[\])}>"'»”’]*(?:\s+(?![\s\p{Ll}])|\s*\z))""";
    private const string Clitic = @"(?i:n't|'(?:s|m|d|ll|re|ve))(?!\w)";
    private const string Quote = @"(?<!\w)'|'(?!\w)";
    private const string Special = Run + "|" + Mark + "|" + Comma + "|" + Period + "|" + Clitic + "|" + Quote;

    /// <summary>The words, in order; none of an empty text.</summary>
    public static IReadOnlyList<string> Split(string text) => [.. Word().Matches(text).Select(match => match.Value)];

    [GeneratedRegex("(?:" + Special + ")|(?:(?!" + Special + @")\S)+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
