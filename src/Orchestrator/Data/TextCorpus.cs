using System.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Training texts, read from their files when first asked for. A dataset without, say, <c>whp_</c> files is therefore usable by every
/// method that does not need them, and an error that names the file for one that does.
/// </summary>
public sealed class TextCorpus
{
    private readonly Lazy<IReadOnlyList<string>> texts;

    private TextCorpus(Func<IReadOnlyList<string>> read) => texts = new(read);

    /// <summary>Texts that are in memory already.</summary>
    /// <param name="texts">The texts, in order.</param>
    /// <returns>A corpus of exactly these.</returns>
    public static TextCorpus Of(IReadOnlyList<string> texts)
    {
        IReadOnlyList<string> copy = Array.AsReadOnly<string>([.. texts]);
        return new(() => copy);
    }

    /// <summary>The texts of a dataset's own files, one file after the other.</summary>
    /// <param name="paths">The files, in order.</param>
    /// <returns>A corpus that has read nothing yet.</returns>
    public static TextCorpus OfDatasetFiles(IReadOnlyList<string> paths)
    {
        string[] files = [.. paths];
        return new(() => Array.AsReadOnly<string>([.. files.SelectMany(path => NonEmpty(path, JsonlReader.ReadTexts(path)))]));
    }

    /// <summary>
    /// The texts of a file named by the user: <c>.jsonl</c> with a <c>text</c> in every row (other fields are ignored), or <c>.txt</c>
    /// with one text a line, blank lines skipped, which is how WikiText separates its paragraphs.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>A corpus that has read nothing yet; that the file is there has been checked.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for another ending,
    /// <see cref="ErrorKind.DataFile"/> when there is no such file.</exception>
    public static TextCorpus OfUserFile(string path)
    {
        bool plain = path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);
        if (!plain && !path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
        {
            throw new HybridException(ErrorKind.Config, $"{path}: expected a text file that ends in .txt or .jsonl");
        }

        if (!File.Exists(path))
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}: no such file");
        }

        return new(() => NonEmpty(path, plain ? ReadLines(path) : JsonlReader.ReadForeignTexts(path)));
    }

    /// <summary>The texts. The files are read the first time; later calls give the same list.</summary>
    /// <returns>The texts, in order, never none from a file.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/> for a missing or malformed file,
    /// <see cref="ErrorKind.EmptySplit"/> for one without a text, <see cref="ErrorKind.Io"/> for one that cannot be read.</exception>
    public IReadOnlyList<string> Read() => texts.Value;

    private static IReadOnlyList<string> NonEmpty(string path, IReadOnlyList<string> texts) => texts.Count > 0
        ? texts
        : throw new HybridException(ErrorKind.EmptySplit, $"{path}: holds no text; expected at least one");

    private static IReadOnlyList<string> ReadLines(string path)
    {
        byte[] bytes = JsonlReader.ReadBytes(path);
        int invalid = JsonlReader.FindInvalidUtf8(bytes);
        if (invalid >= 0)
        {
            int line = 1 + bytes.AsSpan(0, invalid).Count((byte)'\n');
            throw new HybridException(
                ErrorKind.DataFile, $"{path}:{line}: byte 0x{bytes[invalid]:X2} is not UTF-8; expected UTF-8 throughout");
        }

        // A byte order mark is what Windows editors put before plain text; it is no part of the first text.
        string[] lines = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').Split('\n');
        return Array.AsReadOnly<string>([.. lines.Select(line => line.TrimEnd('\r')).Where(line => !string.IsNullOrWhiteSpace(line))]);
    }
}
