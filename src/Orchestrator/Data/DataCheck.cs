namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Reads every file of a dataset and counts what is wrong or peculiar. Loading stops at the first faulty line; this goes on and names them
/// all, and counts what loading lets pass because published data has it: repeated questions, leaks, conflicting answers, repeated choices.
/// Questions are told by their text alone, character for character, as <see cref="RttFolds"/> tells them.
/// </summary>
internal static class DataCheck
{
    /// <summary>Inspects a dataset.</summary>
    /// <param name="files">Its files.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/> when a file is missing, <see cref="ErrorKind.Io"/> when one
    /// cannot be read.</exception>
    public static DataCheckReport Inspect(DatasetFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        List<DataFault> faults = [];
        List<string> empty = [];
        int rows = 0;
        QuestionSplit[] forget = Read(files.ForgetQuestions), retain = Read(files.RetainQuestions), dev = Read(files.DevQuestions);
        var sources = new TextSources(files, forget.Concat(retain).Select(split => split.Name).ToHashSet(StringComparer.Ordinal));
        string[] texts = [.. sources.Paths];
        foreach (string path in texts)
        {
            Count(path, () => sources.Read(path, faults.Add));
        }

        HashSet<string> forgotten = Distinct(forget), retained = Distinct(retain);
        return new()
        {
            Dataset = files.Name,
            Folder = files.Folder,
            Files = forget.Length + retain.Length + dev.Length + texts.Length,
            Rows = rows,
            Faults = faults.AsReadOnly(),
            EmptyFiles = empty.AsReadOnly(),
            UnknownFiles = UnknownFiles(files, [.. files.ForgetQuestions, .. files.RetainQuestions, .. files.DevQuestions, .. texts]),
            Forget = QuestionCounts.Of(forget),
            Retain = QuestionCounts.Of(retain),
            All = QuestionCounts.Of([.. forget, .. retain]),
            InForgetAndRetain = forgotten.Intersect(retained, StringComparer.Ordinal).Count(),
            DevInSplits = Distinct(dev).Count(question => forgotten.Contains(question) || retained.Contains(question)),
            Folds = Array.AsReadOnly<FoldLeak>([.. forget.Select(heldOut => LeakInto(heldOut, forget))]),
            Texts = sources.Compare(forget, retain),
        };

        QuestionSplit[] Read(IReadOnlyList<string> paths) => [.. paths.Select(ReadSplit)];

        QuestionSplit ReadSplit(string path)
        {
            IReadOnlyList<MultipleChoiceQuestion> questions = [];
            Count(path, () => (questions = JsonlReader.Read(path, JsonlSchema.Question, JsonlReader.ToQuestion, faults.Add)).Count);
            return new() { Name = DatasetFiles.SplitOf(path), Questions = questions };
        }

        void Count(string path, Func<int> read)
        {
            int faultsBefore = faults.Count;
            int found = read();
            rows += found;
            if (found == 0 && faults.Count == faultsBefore)
            {
                empty.Add(path);
            }
        }
    }

    private static FoldLeak LeakInto(QuestionSplit heldOut, QuestionSplit[] forget)
    {
        HashSet<string> training = Distinct(forget.Where(split => split != heldOut));
        return new(heldOut.Name, heldOut.Questions.Count, heldOut.Questions.Count(question => training.Contains(question.Question)));
    }

    private static HashSet<string> Distinct(IEnumerable<QuestionSplit> splits) =>
        splits.SelectMany(split => split.Questions).Select(question => question.Question).ToHashSet(StringComparer.Ordinal);

    private static IReadOnlyList<string> UnknownFiles(DatasetFiles files, IEnumerable<string> read)
    {
        IEnumerable<string> known = read.Append(Path.Combine(files.Folder, DatasetYaml.FileName)).Select(Path.GetFullPath);
        return Array.AsReadOnly<string>(
        [
            .. Directory.GetFiles(files.Folder).ExceptBy(known, Path.GetFullPath, StringComparer.Ordinal).Order(StringComparer.Ordinal),
        ]);
    }
}
