namespace Hybrid.Orchestrator.Evaluation;

/// <summary>Which questions of a list were answered rightly, as text: a '1' or a '0' each, in the questions' order. Compact in JSON.</summary>
internal static class HitString
{
    private const char Hit = '1';
    private const char Miss = '0';

    /// <summary>Of an evaluation.</summary>
    public static string Of(McqResult result) => string.Concat(result.Correct.Select(right => right ? Hit : Miss));

    /// <summary>A truth value a question.</summary>
    /// <exception cref="HybridException">Config: the text holds something else than '0' and '1', or nothing.</exception>
    public static bool[] Parse(string hits) => hits.Length > 0 && hits.All(letter => letter is Hit or Miss)
        ? [.. hits.Select(letter => letter == Hit)]
        : throw new HybridException(ErrorKind.Config, $"hits '{hits}': expected a '0' or '1' for each question");

    /// <summary>Share of hits, 0 to 1.</summary>
    public static double Accuracy(string hits) => (double)hits.Count(letter => letter == Hit) / hits.Length;

    /// <summary>Hits of lists that were asked as one, apart again.</summary>
    public static IReadOnlyList<string> Split(string hits, IEnumerable<int> sizes)
    {
        int at = 0;
        return [.. sizes.Select(size => hits[at..(at += size)])];
    }
}
