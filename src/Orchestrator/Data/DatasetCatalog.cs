using System.Collections.ObjectModel;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// The four datasets of Deeb and Roger 2025 (RTT), which the KUnBR paper evaluates on, in that project's file layout: which folder, which
/// splits are forgotten, and what is retained.
/// </summary>
internal static class DatasetCatalog
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
            + $"Known are {string.Join(", ", All.Select(definition => definition.Name))}, and every folder with a {DatasetYaml.FileName}");
    }

    /// <summary>Finds a dataset's files.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dataDirectory">The folder that holds the datasets' folders.</param>
    /// <returns>The files; that they are there has not been checked.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an unknown name, <see cref="ErrorKind.DataFile"/> when the
    /// dataset's folder is missing.</exception>
    public static DatasetFiles Files(string name, string dataDirectory)
    {
        DatasetDefinition definition = Find(name);
        string own = Path.Combine(dataDirectory, definition.Folder);
        string retain = Path.Combine(dataDirectory, definition.RetainFolder);
        if (!Directory.Exists(own))
        {
            throw new HybridException(ErrorKind.DataFile, $"{own}: no such folder; expected the files of dataset '{name}'");
        }

        TextFiles forgetText = Texts(own, definition.ForgetSplits, DatasetDefinition.CorpusFile);
        TextFiles wrongText = Texts(own, definition.ForgetSplits, DatasetDefinition.RandomWrongFile);
        TextFiles retainText = Texts(retain, definition.RetainTextSplits, DatasetDefinition.CorpusFile);
        string[] read = [.. forgetText.Paths, .. wrongText.Paths, .. retainText.Paths];
        return new()
        {
            Name = name,
            Folder = own,
            ForgetQuestions = Questions(own, definition.ForgetSplits),
            ForgetText = forgetText,
            WrongText = wrongText,
            RetainText = retainText,
            RetainQuestions = Questions(retain, definition.RetainQuestionSplits),
            DevQuestions = Questions(own, [DevSplit]),
            OtherText = Array.AsReadOnly<string>(
            [
                .. Directory.GetFiles(own).Where(path => DatasetDefinition.SplitOfTextFile(path) is not null).Except(read).Order(StringComparer.Ordinal),
            ]),
        };
    }

    /// <summary>Loads a dataset: all questions now, texts when they are first read.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dataDirectory">The folder that holds the datasets' folders.</param>
    /// <returns>The dataset.</returns>
    /// <exception cref="HybridException">As for <see cref="Files"/> and <see cref="DatasetFiles.Load"/>.</exception>
    public static UnlearningDataset Load(string name, string dataDirectory) => Files(name, dataDirectory).Load();

    private static ReadOnlyCollection<string> Questions(string folder, IReadOnlyList<string> splits) =>
        Array.AsReadOnly<string>([.. splits.Select(split => Path.Combine(folder, DatasetDefinition.QuestionFile(split)))]);

    private static TextFiles Texts(string folder, IReadOnlyList<string> splits, Func<string, string> fileName) => new()
    {
        Paths = Array.AsReadOnly<string>([.. splits.Select(split => Path.Combine(folder, fileName(split)))]),
        HaveKnownFields = true,
    };
}
