using System.Globalization;
using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>The classes of code point that the pre-tokenizer patterns tell apart. Every code point is in exactly one.</summary>
internal enum RuneClass : byte
{
    /// <summary>None of the others: punctuation, symbols, marks, controls, unassigned.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>: digits, letter-like numbers such as Ⅳ, and other numbers such as ½.</summary>
    Number,

    /// <summary><c>\s</c>, Unicode's White_Space; carriage return and line feed are <see cref="Newline"/> instead.</summary>
    Space,

    /// <summary><c>[\r\n]</c>, which is also <c>\s</c>.</summary>
    Newline,
}

/// <summary>Walks UTF-16 text by code point, not by <see cref="char"/>: letters beyond U+FFFF are letters here.</summary>
internal static class RuneClasses
{
    private static readonly RuneClass[] Ascii = [.. Enumerable.Range(0, 128).Select(value => Classify(new Rune(value)))];

    /// <summary>
    /// The class and the length in UTF-16 units of the code point at <paramref name="index"/>. An unpaired surrogate reads as
    /// U+FFFD, the character it is encoded as. Past the end: <see cref="RuneClass.Other"/> of length 0.
    /// </summary>
    public static RuneClass At(ReadOnlySpan<char> text, int index, out int length)
    {
        if (index >= text.Length)
        {
            length = 0;
            return RuneClass.Other;
        }

        char first = text[index];
        if (first < 128)
        {
            length = 1;
            return Ascii[first];
        }

        Rune.DecodeFromUtf16(text[index..], out Rune rune, out length);
        return Classify(rune);
    }

    /// <summary>The end of the longest run of <paramref name="wanted"/> from <paramref name="index"/>, at most <paramref name="limit"/> code points.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int index, RuneClass wanted, int limit = int.MaxValue)
    {
        for (int count = 0; count < limit && At(text, index, out int length) == wanted && length > 0; count++)
        {
            index += length;
        }

        return index;
    }

    /// <summary>Whether the class is one of <c>\s</c>.</summary>
    public static bool IsSpace(RuneClass value) => value is RuneClass.Space or RuneClass.Newline;

    private static RuneClass Classify(Rune rune)
    {
        if (rune.Value is '\r' or '\n')
        {
            return RuneClass.Newline;
        }

        // Unlike the \s of some languages, White_Space holds U+0085 and neither U+001C..U+001F nor U+180E.
        if (Rune.IsWhiteSpace(rune))
        {
            return RuneClass.Space;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => RuneClass.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => RuneClass.Number,
            _ => RuneClass.Other,
        };
    }
}
