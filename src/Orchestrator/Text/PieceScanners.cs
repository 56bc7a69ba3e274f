namespace Hybrid.Orchestrator.Text;

/// <summary>Finds the end of the piece that starts at <paramref name="start"/>; pieces are never empty and leave no gaps.</summary>
internal delegate int PieceScanner(ReadOnlySpan<char> text, int start);

/// <summary>
/// The two published pre-tokenizer patterns, written as scanners. A .NET <c>Regex</c> would give other pieces: it sees letters
/// beyond U+FFFF as two surrogates. The comments number the alternatives of each pattern, tried in order at each position.
/// </summary>
internal static class PieceScanners
{
    /// <summary>Llama 3's pattern.</summary>
    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>GPT-2's pattern.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The scanner for a pattern, or null where the pattern is not one of those known.</summary>
    public static PieceScanner? For(string pattern) => pattern switch
    {
        Llama3Pattern => Llama3,
        Gpt2Pattern => Gpt2,
        _ => null,
    };

    /// <summary>The end of the <see cref="Llama3Pattern"/> match at <paramref name="start"/>.</summary>
    public static int Llama3(ReadOnlySpan<char> text, int start)
    {
        // 1. (?i:'s|'t|'re|'ve|'m|'ll|'d)
        int contraction = ContractionEnd(text, start, ignoreCase: true);
        if (contraction > start)
        {
            return contraction;
        }

        RuneClass first = RuneClasses.At(text, start, out int firstLength);
        int second = start + firstLength;
        RuneClass next = RuneClasses.At(text, second, out _);

        // 2. [^\r\n\p{L}\p{N}]?\p{L}+
        if (first == RuneClass.Letter || (first is RuneClass.Space or RuneClass.Other && next == RuneClass.Letter))
        {
            return RuneClasses.RunEnd(text, second, RuneClass.Letter);
        }

        // 3. \p{N}{1,3}
        if (first == RuneClass.Number)
        {
            return RuneClasses.RunEnd(text, start, RuneClass.Number, limit: 3);
        }

        // 4. ` ?[^\s\p{L}\p{N}]+[\r\n]*`
        if (first == RuneClass.Other || (text[start] == ' ' && second < text.Length && next == RuneClass.Other))
        {
            return RuneClasses.RunEnd(text, RuneClasses.RunEnd(text, second, RuneClass.Other), RuneClass.Newline);
        }

        // 5. \s*[\r\n]+ backtracks to the last line break of the whole run of spaces.
        int end = SpacesEnd(text, start);
        int lastBreak = text[start..end].LastIndexOfAny('\r', '\n');
        return lastBreak >= 0 ? start + lastBreak + 1 : TrimSpaces(text, start, end);
    }

    /// <summary>The end of the <see cref="Gpt2Pattern"/> match at <paramref name="start"/>.</summary>
    public static int Gpt2(ReadOnlySpan<char> text, int start)
    {
        // 1. 's|'t|'re|'ve|'m|'ll|'d
        int contraction = ContractionEnd(text, start, ignoreCase: false);
        if (contraction > start)
        {
            return contraction;
        }

        // 2. to 4. an optional blank and then letters, numbers or others
        int body = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        RuneClass bodyClass = RuneClasses.At(text, body, out _);
        return RuneClasses.IsSpace(bodyClass)
            ? TrimSpaces(text, start, SpacesEnd(text, start))
            : RuneClasses.RunEnd(text, body, bodyClass);
    }

    // \s+(?!\S)|\s+ : a run that something follows leaves its last space to that something, unless it is the only one.
    // Every White_Space code point is one UTF-16 unit, so "last" is one unit back.
    private static int TrimSpaces(ReadOnlySpan<char> text, int start, int end) =>
        end < text.Length && end - start > 1 ? end - 1 : end;

    private static int SpacesEnd(ReadOnlySpan<char> text, int start)
    {
        int end = start;
        while (RuneClasses.IsSpace(RuneClasses.At(text, end, out int length)))
        {
            end += length;
        }

        return end;
    }

    private static int ContractionEnd(ReadOnlySpan<char> text, int start, bool ignoreCase)
    {
        if (text[start] != '\'' || start + 1 >= text.Length)
        {
            return start;
        }

        char first = Fold(text[start + 1], ignoreCase);
        if (first is 's' or 't' or 'm' or 'd')
        {
            return start + 2;
        }

        char second = start + 2 < text.Length ? Fold(text[start + 2], ignoreCase) : '\0';
        return (first, second) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? start + 3 : start;
    }

    // Unicode folds the long s (U+017F) to s; none of the other letters used here has a partner outside ASCII.
    private static char Fold(char value, bool ignoreCase) => !ignoreCase ? value : value == '\u017F' ? 's' : char.ToLowerInvariant(value);
}
