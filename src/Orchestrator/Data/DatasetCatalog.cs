namespace Hybrid.Orchestrator.Data;

/// <summary>
/// The four datasets of Deeb and Roger 2025 (RTT), which the KUnBR paper evaluates on, in that project's file layout: which folder, which
/// splits are forgotten, and what is retained.
/// </summary>
public static class DatasetCatalog
{
    /// <summary>The split that holds few-shot questions.</summary>
    internal const string DevSplit = "dev";

    /// <summary>The name of the set of invented people with random birth years.</summary>
    internal const string RandomBirthdays = "random-birthdays";

    private const string MmluFolder = "mmlu_cats_random_trimmed";

    private static readonly string[] MmluForget = ["mmlu_STEM", "mmlu_business", "mmlu_chemistry", "mmlu_culture", "mmlu_geography"];

    private static readonly string[] MmluRetain = ["mmlu_health", "mmlu_history", "mmlu_law", "mmlu_philosophy", "mmlu_social sciences"];

    private static readonly string[] NumberedForget = ["split_0", "split_1", "split_2", "split_3", "split_4"];

    private static readonly string[] NumberedRetain = ["split_5", "split_6", "split_7", "split_8", "split_9"];

    /// <summary>Every dataset known by name, in the paper's order.</summary>
    public static IReadOnlyList<DatasetDefinition> All { get; } =
    [
        new()
        {
            Name = RandomBirthdays,
            Folder = "random_bd",
            ForgetSplits = NumberedForget,
            RetainFolder = "random_bd",
            RetainTextSplits = NumberedRetain,
            RetainQuestionSplits = NumberedRetain,
        },
        new()
        {
            // MMLU's forget categories are other knowledge here, so their text can be retained.
            Name = "years",
            Folder = "dates-years-trimmed",
            ForgetSplits = NumberedForget,
            RetainFolder = MmluFolder,
            RetainTextSplits = MmluForget,
            RetainQuestionSplits = MmluRetain,
        },
        new()
        {
            Name = "wmdp-deduped",
            Folder = "wmdp-deduped",
            ForgetSplits = NumberedForget,
            RetainFolder = MmluFolder,
            RetainTextSplits = MmluRetain,
            RetainQuestionSplits = MmluRetain,
        },
        new()
        {
            Name = "mmlu",
            Folder = MmluFolder,
            ForgetSplits = MmluForget,
            RetainFolder = MmluFolder,
            RetainTextSplits = MmluRetain,
            RetainQuestionSplits = MmluRetain,
        },
    ];

    /// <summary>Finds a dataset's definition.</summary>
    /// <param name="name">Its name, for example <c>years</c>.</param>
    /// <returns>The definition.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an unknown name, with the known names and the
    /// nearest.</exception>
    public static DatasetDefinition Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(definition => definition.Name == name) ?? throw new HybridException(
            ErrorKind.Config,
            $"unknown dataset '{name}'; did you mean '{NearestName.Of(name, All.Select(definition => definition.Name))}'? "
            + $"Known are {string.Join(", ", All.Select(definition => definition.Name))}");
    }

    /// <summary>Loads a dataset: all questions now, texts when they are first read.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dataDirectory">The folder that holds the datasets' folders.</param>
    /// <param name="retainTextFile">A .txt or .jsonl file to use in place of the dataset's own retain text, or null
    /// (see <see cref="TextCorpus.OfUserFile"/>).</param>
    /// <returns>The dataset.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an unknown name, <see cref="ErrorKind.DataFile"/> for a
    /// missing or malformed file, <see cref="ErrorKind.EmptySplit"/> for a split without questions.</exception>
    public static UnlearningDataset Load(string name, string dataDirectory, string? retainTextFile = null)
    {
        DatasetDefinition definition = Find(name);
        string own = Path.Combine(dataDirectory, definition.Folder);
        string retain = Path.Combine(dataDirectory, definition.RetainFolder);
        if (!Directory.Exists(own))
        {
            throw new HybridException(ErrorKind.DataFile, $"{own}: no such folder; expected the files of dataset '{name}'");
        }

        return new()
        {
            Name = name,
            ForgetSplits = Array.AsReadOnly<QuestionSplit>([.. definition.ForgetSplits.Select(split => LoadSplit(own, split))]),
            ForgetText = Texts(own, definition.ForgetSplits, DatasetDefinition.CorpusFile),
            WrongText = Texts(own, definition.ForgetSplits, DatasetDefinition.RandomWrongFile),
            RetainText = retainTextFile is null
                ? Texts(retain, definition.RetainTextSplits, DatasetDefinition.CorpusFile)
                : TextCorpus.OfUserFile(retainTextFile),
            RetainQuestions = Array.AsReadOnly<MultipleChoiceQuestion>(
                [.. definition.RetainQuestionSplits.SelectMany(split => LoadSplit(retain, split).Questions)]),
            DevQuestions = LoadSplit(own, DevSplit).Questions,
        };
    }

    private static QuestionSplit LoadSplit(string folder, string split)
    {
        string path = Path.Combine(folder, DatasetDefinition.QuestionFile(split));
        IReadOnlyList<MultipleChoiceQuestion> questions = JsonlReader.ReadQuestions(path);
        return questions.Count > 0
            ? new() { Name = split, Questions = questions }
            : throw new HybridException(ErrorKind.EmptySplit, $"{path}: holds no question; expected at least one");
    }

    private static TextCorpus Texts(string folder, IReadOnlyList<string> splits, Func<string, string> fileName) =>
        TextCorpus.OfDatasetFiles([.. splits.Select(split => Path.Combine(folder, fileName(split)))]);
}
