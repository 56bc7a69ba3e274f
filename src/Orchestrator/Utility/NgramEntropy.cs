namespace Hybrid.Orchestrator.Utility;

/// <summary>How little a text repeats itself (Zhang et al. 2018; with these weights Meng et al. 2022, whose code RWKU takes).</summary>
internal static class NgramEntropy
{
    private const double BigramWeight = 1 / 3.0;
    private const double TrigramWeight = 2 / 3.0;

    /// <summary>⅓·H₂ + ⅔·H₃ in bits, where H_n is the entropy of the frequencies of the text's n-grams of words. 0 for a text of fewer than three words.</summary>
    public static double Of(string text)
    {
        IReadOnlyList<string> words = WordSplitter.Split(text);
        return (BigramWeight * Entropy(words, 2)) + (TrigramWeight * Entropy(words, 3));
    }

    /// <summary>The base-2 entropy of the n-grams' frequencies; 0 where there is none.</summary>
    internal static double Entropy(IReadOnlyList<string> words, int n)
    {
        // A word has no blank in it, so joined n-grams are equal only where their words are.
        string[] grams = [.. Enumerable.Range(0, Math.Max(0, words.Count - n + 1)).Select(i => string.Join(' ', words.Skip(i).Take(n)))];
        return grams.CountBy(gram => gram, StringComparer.Ordinal).Sum(gram => Surprise((double)gram.Value / grams.Length));
    }

    private static double Surprise(double share) => share * Math.Log2(1 / share);
}
