namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Makes a set of invented people with random birth years, in the layout of RTT's <c>random_bd</c>, so that a run needs no file from
/// elsewhere. Unlike the published set it has no person twice and no repeated choice. Equal arguments make equal sets, byte for byte.
/// </summary>
public static class BirthdayMaker
{
    /// <summary>The fewest people in a half: one for each of its five splits.</summary>
    public const int LeastPeoplePerHalf = SplitsPerHalf;

    /// <summary>People in a half where nothing else is said: what a small model learns in less than a minute.</summary>
    public const int UsualPeoplePerHalf = 157;

    private const int SplitsPerHalf = 5;
    private const int DevPeople = 10;

    /// <summary>The most people in a half: each has a name of their own, and ten more stand in the few-shot questions.</summary>
    public static int MostPeoplePerHalf => (BirthdayNames.Capacity - DevPeople) / 2;

    /// <summary>
    /// Makes a set in memory. It equals what <see cref="DatasetCatalog.Load"/> reads after <see cref="Write"/> with equal arguments.
    /// </summary>
    /// <param name="peoplePerHalf">How many people to forget, and how many to retain. The published set has 785.</param>
    /// <param name="seed">The seed that decides everything.</param>
    /// <returns>The dataset, named <c>random-birthdays</c>.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for too few or too many people.</exception>
    public static UnlearningDataset Make(int peoplePerHalf, ulong seed)
    {
        DatasetDefinition definition = DatasetCatalog.Find(DatasetCatalog.RandomBirthdays);
        IReadOnlyDictionary<string, Birthday[]> splits = Invent(peoplePerHalf, seed);
        Birthday[] forget = [.. definition.ForgetSplits.SelectMany(split => splits[split])];
        return new()
        {
            Name = definition.Name,
            ForgetSplits = Array.AsReadOnly<QuestionSplit>(
                [.. definition.ForgetSplits.Select(split => new QuestionSplit { Name = split, Questions = Questions(splits[split]) })]),
            ForgetText = Texts(forget, person => person.Facts),
            WrongText = Texts(forget, person => person.RandomWrongFacts),
            RetainText = Texts(definition.RetainTextSplits.SelectMany(split => splits[split]), person => person.Facts),
            RetainQuestions = Questions(definition.RetainQuestionSplits.SelectMany(split => splits[split])),
            DevQuestions = Questions(splits[DatasetCatalog.DevSplit]),
        };
    }

    /// <summary>
    /// Writes a set as files. They are written into a folder beside the target, which is then renamed: the target is never half-written.
    /// </summary>
    /// <param name="outDirectory">The data directory to make <c>random_bd</c> in; it is made if absent.</param>
    /// <param name="peoplePerHalf">As for <see cref="Make"/>.</param>
    /// <param name="seed">As for <see cref="Make"/>.</param>
    /// <param name="overwrite">Whether a <c>random_bd</c> with something in it may be replaced.</param>
    /// <returns>The path of the <c>random_bd</c> written.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.Config"/> for too few or too many people, or when the target has something
    /// in it and may not be replaced; <see cref="ErrorKind.Io"/> when writing fails.</exception>
    public static string Write(string outDirectory, int peoplePerHalf, ulong seed, bool overwrite = false)
    {
        DatasetDefinition definition = DatasetCatalog.Find(DatasetCatalog.RandomBirthdays);
        IReadOnlyDictionary<string, Birthday[]> splits = Invent(peoplePerHalf, seed);
        return BirthdayFiles.Write(Path.Combine(outDirectory, definition.Folder), splits, overwrite);
    }

    /// <summary>Invents the people of every split, by the split's name.</summary>
    private static Dictionary<string, Birthday[]> Invent(int peoplePerHalf, ulong seed)
    {
        if (peoplePerHalf < LeastPeoplePerHalf)
        {
            throw new HybridException(
                ErrorKind.Config,
                $"{peoplePerHalf} people per half are too few; expected at least {LeastPeoplePerHalf}, "
                + $"one for each of its {SplitsPerHalf} splits");
        }

        if (peoplePerHalf > MostPeoplePerHalf)
        {
            throw new HybridException(
                ErrorKind.Config, $"{peoplePerHalf} people per half are too many; there are names for at most {MostPeoplePerHalf}");
        }

        DatasetDefinition definition = DatasetCatalog.Find(DatasetCatalog.RandomBirthdays);
        SeededRandom random = new(seed);
        Queue<string> names = new(BirthdayNames.Draw((2 * peoplePerHalf) + DevPeople, random.Fork("names")));
        Dictionary<string, Birthday[]> splits = new(StringComparer.Ordinal);
        foreach (IReadOnlyList<string> half in new[] { definition.ForgetSplits, definition.RetainQuestionSplits })
        {
            for (int split = 0; split < SplitsPerHalf; split++)
            {
                // As even as can be: what five do not divide goes to the first splits, one person each.
                int people = (peoplePerHalf / SplitsPerHalf) + (split < peoplePerHalf % SplitsPerHalf ? 1 : 0);
                splits[half[split]] = InventSplit(people, names, random.Fork(half[split]));
            }
        }

        splits[DatasetCatalog.DevSplit] = InventSplit(DevPeople, names, random.Fork(DatasetCatalog.DevSplit));
        return splits;
    }

    private static Birthday[] InventSplit(int people, Queue<string> names, SeededRandom random) =>
        [.. Enumerable.Range(0, people).Select(_ => Birthday.Draw(names.Dequeue(), random))];

    private static IReadOnlyList<MultipleChoiceQuestion> Questions(IEnumerable<Birthday> people) =>
        Array.AsReadOnly<MultipleChoiceQuestion>([.. people.Select(person => person.ToQuestion())]);

    private static TextCorpus Texts(IEnumerable<Birthday> people, Func<Birthday, string[]> facts) =>
        TextCorpus.Of([.. people.SelectMany(facts)]);
}
