namespace Hybrid.Orchestrator.Data;

/// <summary>Where a catalogued dataset's parts are, as folder names and split names under the data directory.</summary>
internal sealed record DatasetDefinition
{
    private static readonly string[] TextPrefixes = ["corpus_", "whp_corpus_", "fwf_corpus_", "tf_", "mcq_"];

    /// <summary>The name that configurations and the command line use.</summary>
    public required string Name { get; init; }

    /// <summary>The folder of its own files.</summary>
    public required string Folder { get; init; }

    /// <summary>
    /// The splits to forget: questions in <c>{split}.jsonl</c>, texts in <c>corpus_{split}.jsonl</c> and <c>whp_corpus_{split}.jsonl</c>.
    /// </summary>
    public required IReadOnlyList<string> ForgetSplits { get; init; }

    /// <summary>The folder with the retain text and questions: its own, or MMLU's.</summary>
    public required string RetainFolder { get; init; }

    /// <summary>The splits whose <c>corpus_{split}.jsonl</c> is the retain text.</summary>
    public required IReadOnlyList<string> RetainTextSplits { get; init; }

    /// <summary>The splits whose <c>{split}.jsonl</c> are the retain questions.</summary>
    public required IReadOnlyList<string> RetainQuestionSplits { get; init; }

    /// <summary>The file with a split's questions.</summary>
    /// <param name="split">The split's name.</param>
    /// <returns>The file's name without folder.</returns>
    public static string QuestionFile(string split) => $"{split}.jsonl";

    /// <summary>The file with a split's facts as text.</summary>
    /// <param name="split">The split's name.</param>
    /// <returns>The file's name without folder.</returns>
    public static string CorpusFile(string split) => $"corpus_{split}.jsonl";

    /// <summary>The file with a split's facts made wrong at random, as text (RTT's <c>whp</c>).</summary>
    /// <param name="split">The split's name.</param>
    /// <returns>The file's name without folder.</returns>
    public static string RandomWrongFile(string split) => $"whp_corpus_{split}.jsonl";

    /// <summary>The file with a split's facts made wrong, the same wrong fact in each text (RTT's <c>fwf</c>).</summary>
    /// <param name="split">The split's name.</param>
    /// <returns>The file's name without folder.</returns>
    public static string FixedWrongFile(string split) => $"fwf_corpus_{split}.jsonl";

    /// <summary>The split that a text file belongs to, told by its name alone.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The split's name, or null for a file that RTT's layout has no place for.</returns>
    internal static string? SplitOfTextFile(string path)
    {
        string name = Path.GetFileName(path);
        string? prefix = TextPrefixes.FirstOrDefault(known => name.StartsWith(known, StringComparison.Ordinal));
        return prefix is not null && name.EndsWith(".jsonl", StringComparison.Ordinal)
            ? Path.GetFileNameWithoutExtension(name)[prefix.Length..]
            : null;
    }
}
