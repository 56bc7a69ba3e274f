namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Which files a dataset consists of, whether it is one of the catalog's or the user's own. Nothing but their names has been read.
/// </summary>
internal sealed record DatasetFiles
{
    /// <summary>The dataset's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its own folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The questions to forget, a file a split.</summary>
    public required IReadOnlyList<string> ForgetQuestions { get; init; }

    /// <summary>The facts to forget as text.</summary>
    public required TextFiles ForgetText { get; init; }

    /// <summary>The same facts made wrong, as text.</summary>
    public required TextFiles WrongText { get; init; }

    /// <summary>The text to retain.</summary>
    public required TextFiles RetainText { get; init; }

    /// <summary>The questions to retain, one file or several.</summary>
    public required IReadOnlyList<string> RetainQuestions { get; init; }

    /// <summary>The few-shot questions; may be none.</summary>
    public required IReadOnlyList<string> DevQuestions { get; init; }

    /// <summary>Files in RTT's layout that lie in the folder too and that only <see cref="DataCheck"/> reads.</summary>
    public required IReadOnlyList<string> OtherText { get; init; }

    /// <summary>Every file that <see cref="Load"/> reads, now or later.</summary>
    public IEnumerable<string> Paths => [.. ForgetQuestions, .. ForgetText.Paths, .. WrongText.Paths, .. RetainText.Paths, .. RetainQuestions, .. DevQuestions];

    /// <summary>These and, of a folder of the user's own, the file that says which they are. Not all need be there.</summary>
    public IEnumerable<string> InputPaths => [.. Paths, Path.Combine(Folder, DatasetYaml.FileName)];

    /// <summary>The name of the split whose questions a file holds.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file's name without <c>.jsonl</c>.</returns>
    public static string SplitOf(string path) => Path.GetFileNameWithoutExtension(path);

    /// <summary>Reads all questions now; texts are read when they are first asked for.</summary>
    /// <returns>The dataset.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/> for a missing or malformed file,
    /// <see cref="ErrorKind.EmptySplit"/> for a file without questions, <see cref="ErrorKind.Io"/> for one that cannot be read.</exception>
    public UnlearningDataset Load() => new()
    {
        Name = Name,
        ForgetSplits = Array.AsReadOnly<QuestionSplit>([.. ForgetQuestions.Select(path => new QuestionSplit { Name = SplitOf(path), Questions = LoadQuestions(path) })]),
        ForgetText = Corpus(ForgetText, DatasetYaml.ForgetTextKey),
        WrongText = Corpus(WrongText, DatasetYaml.WrongTextKey),
        RetainText = Corpus(RetainText, DatasetYaml.RetainTextKey),
        RetainQuestions = Array.AsReadOnly<MultipleChoiceQuestion>([.. RetainQuestions.SelectMany(LoadQuestions)]),
        DevQuestions = Array.AsReadOnly<MultipleChoiceQuestion>([.. DevQuestions.SelectMany(LoadQuestions)]),
    };

    private static IReadOnlyList<MultipleChoiceQuestion> LoadQuestions(string path)
    {
        IReadOnlyList<MultipleChoiceQuestion> questions = JsonlReader.ReadQuestions(path);
        return questions.Count > 0
            ? questions
            : throw new HybridException(ErrorKind.EmptySplit, $"{path}: holds no question; expected at least one");
    }

    // A catalogued dataset has every part, so one that is absent is the user's to add.
    private TextCorpus Corpus(TextFiles files, string key) => files switch
    {
        { Paths.Count: 0 } => TextCorpus.Absent(
            $"{Path.Combine(Folder, DatasetYaml.FileName)}: has no key '{key}', which is needed here; add it with a list of .jsonl or .txt files"),
        { HaveKnownFields: true } => TextCorpus.OfDatasetFiles(files.Paths),
        _ => TextCorpus.OfUserFiles(files.Paths),
    };
}
