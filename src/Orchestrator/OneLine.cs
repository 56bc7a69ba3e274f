using System.Text;

namespace Hybrid.Orchestrator;

/// <summary>
/// Makes one readable line of a message that may quote a file, so that what stands in a file cannot forge lines of a log, move the cursor
/// of a terminal, turn the direction of a text or fill the screen.
/// </summary>
internal static class OneLine
{
    private const int Longest = 2000;
    private const int KeptAtEnd = 500;

    /// <summary>
    /// The text with a blank for each line break, '?' for other control characters and those that turn the direction, U+FFFD for half of a
    /// surrogate pair, and without its middle where it is longer than 2000 characters.
    /// </summary>
    public static string Of(string text)
    {
        // Most of a text is enough here: a quote may be as long as the file.
        string whole = text.Length <= Longest ? text : $"{text[..(Longest - KeptAtEnd - 3)]} … {text[^KeptAtEnd..]}";
        StringBuilder line = new(whole.Length);
        foreach (Rune letter in whole.ReplaceLineEndings(" ").EnumerateRunes()) // half of a pair comes as U+FFFD
        {
            line.Append(Rune.IsControl(letter) || letter.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) ? "?" : letter.ToString());
        }

        return line.ToString();
    }
}
