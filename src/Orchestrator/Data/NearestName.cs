namespace Hybrid.Orchestrator.Data;

/// <summary>Finds the known name that someone who mistyped most likely meant.</summary>
internal static class NearestName
{
    // A name of the user's own is shorter; only files made to harm have longer ones, and distances take time by their length.
    private const int LongestTyped = 100;

    /// <summary>
    /// A candidate that contains what was typed, else the one at the smallest edit distance; the first among equals, case ignored.
    /// Without the first rule "wmdp" would be nearer to "mmlu" than to "wmdp-deduped".
    /// </summary>
    public static string Of(string typed, IEnumerable<string> candidates)
    {
        string compared = typed[..Math.Min(typed.Length, LongestTyped)].ToUpperInvariant();
        return candidates
            .OrderBy(candidate => compared.Length > 0 && candidate.Contains(compared, StringComparison.OrdinalIgnoreCase) ? 0 : 1)
            .ThenBy(candidate => Distance(compared, candidate.ToUpperInvariant()))
            .First();
    }

    /// <summary>Levenshtein's distance: the fewest insertions, deletions and replacements, kept one row at a time.</summary>
    internal static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[to.Length];
    }
}
