namespace Hybrid.Orchestrator.Data;

/// <summary>Where a catalogued dataset's parts are, as folder names and split names under the data directory.</summary>
public sealed record DatasetDefinition
{
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

    /// <summary>The question splits in its own folder: those to forget and, where they lie beside them, those to retain.</summary>
    public IReadOnlyList<string> OwnSplits => RetainFolder == Folder ? [.. ForgetSplits, .. RetainQuestionSplits] : ForgetSplits;

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
}
