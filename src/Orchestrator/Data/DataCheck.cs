using System.Text.Json;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Reads every file in a dataset's own folder and counts what is wrong or peculiar. Loading stops at the first faulty line; this goes on
/// and names them all, and counts what loading lets pass because published data has it: repeated questions, conflicting answers, repeated
/// choices.
/// </summary>
public static class DataCheck
{
    private static readonly string[] TextPrefixes = ["corpus_", "whp_corpus_", "fwf_corpus_", "tf_", "mcq_"];

    /// <summary>Inspects a dataset.</summary>
    /// <param name="name">Its name in the catalog.</param>
    /// <param name="dataDirectory">The folder that holds the datasets' folders.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for an unknown name, <see cref="ErrorKind.DataFile"/> when the
    /// folder or a question file is missing, <see cref="ErrorKind.Io"/> when a file cannot be read.</exception>
    public static DataCheckReport Inspect(string name, string dataDirectory)
    {
        DatasetDefinition definition = DatasetCatalog.Find(name);
        string folder = Path.Combine(dataDirectory, definition.Folder);
        if (!Directory.Exists(folder))
        {
            throw new HybridException(ErrorKind.DataFile, $"{folder}: no such folder; expected the files of dataset '{name}'");
        }

        List<DataFault> faults = [];
        Dictionary<string, IReadOnlyList<MultipleChoiceQuestion>> questions = new(StringComparer.Ordinal);
        foreach (string split in definition.OwnSplits.Append(DatasetCatalog.DevSplit))
        {
            string path = Path.Combine(folder, DatasetDefinition.QuestionFile(split));
            questions[split] = JsonlReader.Read(path, JsonlSchema.Question, JsonlReader.ToQuestion, faults.Add);
        }

        string[] others =
        [
            .. Directory.GetFiles(folder)
                .Where(path => !questions.Keys.Any(split => DatasetDefinition.QuestionFile(split) == Path.GetFileName(path)))
                .Order(StringComparer.Ordinal),
        ];
        string[] textFiles = [.. others.Where(path => SplitOfTextFile(path) is not null)];
        TextSources sources = ReadTextSources(textFiles, faults);
        QuestionSplit[] own = [.. definition.OwnSplits.Select(split => new QuestionSplit { Name = split, Questions = questions[split] })];
        return new()
        {
            Dataset = name,
            Folder = folder,
            Files = questions.Count + textFiles.Length,
            Rows = questions.Values.Sum(rows => rows.Count) + sources.Rows,
            Faults = faults.AsReadOnly(),
            UnknownFiles = Array.AsReadOnly<string>([.. others.Except(textFiles)]),
            Forget = QuestionCounts.Of([.. own.Where(split => definition.ForgetSplits.Contains(split.Name))]),
            All = QuestionCounts.Of(own),
            TextSourcesOutsideSplit = own.Sum(split => CountOutside(split, sources.BySplit)),
        };
    }

    private static TextSources ReadTextSources(string[] paths, List<DataFault> faults)
    {
        Dictionary<string, HashSet<string>> bySplit = new(StringComparer.Ordinal);
        int rows = 0;
        foreach (string path in paths)
        {
            string split = SplitOfTextFile(path)!;
            IReadOnlyList<string?> sources = JsonlReader.Read(path, JsonlSchema.Text, SourceQuestion, faults.Add);
            rows += sources.Count;
            if (!bySplit.TryGetValue(split, out HashSet<string>? known))
            {
                bySplit[split] = known = new(StringComparer.Ordinal);
            }

            known.UnionWith(sources.OfType<string>());
        }

        return new(bySplit, rows);
    }

    private static int CountOutside(QuestionSplit split, Dictionary<string, HashSet<string>> sources) =>
        sources.TryGetValue(split.Name, out HashSet<string>? named)
            ? named.Except(split.Questions.Select(question => question.Question), StringComparer.Ordinal).Count()
            : 0;

    /// <summary>The question that a text was made from, where the row says so.</summary>
    private static string? SourceQuestion(JsonElement row) =>
        row.TryGetProperty("original_question", out JsonElement source) || row.TryGetProperty("question", out source)
            ? source.GetString()
            : null;

    private static string? SplitOfTextFile(string path)
    {
        string name = Path.GetFileName(path);
        string? prefix = TextPrefixes.FirstOrDefault(known => name.StartsWith(known, StringComparison.Ordinal));
        return prefix is not null && name.EndsWith(".jsonl", StringComparison.Ordinal)
            ? Path.GetFileNameWithoutExtension(name)[prefix.Length..]
            : null;
    }

    private sealed record TextSources(Dictionary<string, HashSet<string>> BySplit, int Rows);
}
