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
    /// The texts of files of the user's own, one file after the other: <c>.jsonl</c> with a <c>text</c> in every row (other fields are
    /// ignored), or <c>.txt</c> with one text a line, blank lines skipped, which is how WikiText separates its paragraphs.
    /// </summary>
    /// <param name="paths">The files, in order.</param>
    /// <returns>A corpus that has read nothing yet.</returns>
    public static TextCorpus OfUserFiles(IReadOnlyList<string> paths)
    {
        string[] files = [.. paths];
        return new(() => Array.AsReadOnly<string>([.. files.SelectMany(path => NonEmpty(path, IsPlain(path) ? ReadLines(path) : JsonlReader.ReadForeignTexts(path)))]));
    }

    /// <summary>A part that the dataset does not have.</summary>
    /// <param name="problem">What to say to whoever reads it: the file and what to add there.</param>
    /// <returns>A corpus whose reading is an error.</returns>
    public static TextCorpus Absent(string problem) => new(() => throw new HybridException(ErrorKind.Config, problem)) { IsAbsent = true };

    /// <summary>True for a part that the dataset does not have, so that reading it is an error.</summary>
    public bool IsAbsent { get; private init; }

    /// <summary>True for a file with one text a line, false for one with a JSON object a line.</summary>
    internal static bool IsPlain(string path) => path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);

    /// <summary>The texts. The files are read the first time; later calls give the same list.</summary>
    /// <returns>The texts, in order, never none from a file.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/> for a missing or malformed file,
    /// <see cref="ErrorKind.EmptySplit"/> for one without a text, <see cref="ErrorKind.Io"/> for one that cannot be read,
    /// <see cref="ErrorKind.Config"/> for a part that the dataset does not have.</exception>
    public IReadOnlyList<string> Read() => texts.Value;

    private static IReadOnlyList<string> NonEmpty(string path, IReadOnlyList<string> texts) => texts.Count > 0
        ? texts
        : throw new HybridException(ErrorKind.EmptySplit, $"{path}: holds no text; expected at least one");

    private static IReadOnlyList<string> ReadLines(string path) =>
        Array.AsReadOnly<string>([.. TextFile.ReadLines(path, JsonlReader.Throw).Where(line => !string.IsNullOrWhiteSpace(line))]);
}
