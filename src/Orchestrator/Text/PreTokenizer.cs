namespace Hybrid.Orchestrator.Text;

/// <summary>How text is cut into pieces before any merging: a scanner, and whether a blank is put before text that has none.</summary>
/// <param name="Scan">The pattern's scanner.</param>
/// <param name="AddPrefixSpace">Hugging Face's <c>add_prefix_space</c>: each run of text between added tokens starts with a blank.</param>
internal sealed record PreTokenizer(PieceScanner Scan, bool AddPrefixSpace)
{
    /// <summary>What is put before a run of text that does not start with a blank.</summary>
    public string Prefix(ReadOnlySpan<char> text) => AddPrefixSpace && text.Length > 0 && text[0] != ' ' ? " " : "";

    /// <summary>The pieces of a text, without any prefix; what a vocabulary is learned from.</summary>
    public static List<string> Split(PieceScanner scan, string text)
    {
        List<string> pieces = [];
        for (int start = 0; start < text.Length;)
        {
            int end = scan(text, start);
            pieces.Add(text[start..end]);
            start = end;
        }

        return pieces;
    }
}
