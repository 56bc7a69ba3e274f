using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class BirthdayMakerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(5, 0UL)]
    [InlineData(23, 1UL)]
    [InlineData(785, ulong.MaxValue)]
    public void WhatIsWrittenLoadsAsWhatIsMade(int people, ulong seed)
    {
        BirthdayMaker.Write(folder.Path, people, seed);

        UnlearningDataset loaded = DatasetCatalog.Load("random-birthdays", folder.Path);

        AssertSame(BirthdayMaker.Make(people, seed), loaded);
    }

    [Fact]
    public void EqualSeedsWriteEqualBytesAndOthersDoNot()
    {
        string one = BirthdayMaker.Write(folder.File("one"), 12, 3);
        string again = BirthdayMaker.Write(folder.File("again"), 12, 3);
        string other = BirthdayMaker.Write(folder.File("other"), 12, 4);

        string[] names = [.. Directory.GetFiles(one).Select(path => Path.GetFileName(path)!).Order()];
        Assert.Equal(44, names.Length);
        Assert.Equal(names, Directory.GetFiles(again).Select(Path.GetFileName).Order());
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(Path.Combine(one, name)), File.ReadAllBytes(Path.Combine(again, name))));
        Assert.All(names, name => Assert.NotEqual(File.ReadAllBytes(Path.Combine(one, name)), File.ReadAllBytes(Path.Combine(other, name))));
    }

    [Fact]
    public void ASetOfAnySizeIsSound()
    {
        Gen<(int People, ulong Seed)> cases = from people in Gen.Choose(5, 120) from seed in Gen.Choose(0, 1_000_000) select (people, (ulong)seed);
        Prop.ForAll(cases.ToArbitrary(), sized =>
        {
            UnlearningDataset made = BirthdayMaker.Make(sized.People, sized.Seed);
            MultipleChoiceQuestion[] all = [.. made.ForgetQuestions, .. made.RetainQuestions, .. made.DevQuestions];
            int[] sizes = [.. made.ForgetSplits.Select(split => split.Questions.Count)];
            return sizes.Sum() == sized.People
                && sizes.Max() - sizes.Min() <= 1
                && made.RetainQuestions.Count == sized.People
                && made.DevQuestions.Count == 10
                && all.DistinctBy(question => question.Question).Count() == all.Length
                && all.All(question => question.Choices.Distinct().Count() == 4)
                && all.All(question => question.Choices.All(year => int.Parse(year) is >= 1900 and <= 2020))
                && made.ForgetText.Read().Count == 3 * sized.People
                && made.WrongText.Read().Count == 3 * sized.People
                && made.RetainText.Read().Count == 3 * sized.People;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void TextsStateTheFactsOfTheirQuestions()
    {
        UnlearningDataset made = BirthdayMaker.Make(40, 5);
        MultipleChoiceQuestion[] questions = [.. made.ForgetQuestions];
        for (int person = 0; person < questions.Length; person++)
        {
            string name = questions[person].Question["When was ".Length..^" born?".Length];
            string[] facts = [.. made.ForgetText.Read().Skip(3 * person).Take(3)];
            string[] wrong = [.. made.WrongText.Read().Skip(3 * person).Take(3)];

            Assert.Equal($"{name} was born in {questions[person].CorrectChoice}.", facts[0]);
            Assert.All(facts, text => Assert.Contains(name, text, StringComparison.Ordinal));
            Assert.All(facts, text => Assert.Contains(questions[person].CorrectChoice, text, StringComparison.Ordinal));
            Assert.Equal(3, facts.Distinct().Count());
            Assert.Equal(
                questions[person].Choices.Where((_, choice) => choice != questions[person].Answer).Order(),
                wrong.Select(text => questions[person].Choices.Single(year => text.Contains(year, StringComparison.Ordinal))).Order());
        }
    }

    [Fact]
    public void FilesHaveTheFieldsAndPhrasesOfThePublishedOnes()
    {
        string made = BirthdayMaker.Write(folder.Path, 5, 6);
        string question = File.ReadLines(Path.Combine(made, "split_0.jsonl")).First();
        string corpus = File.ReadLines(Path.Combine(made, "corpus_split_0.jsonl")).First();
        string[] fixedWrong = [.. File.ReadLines(Path.Combine(made, "fwf_corpus_split_9.jsonl"))];
        const string wrong = """^\{"text":"[^"]+","split":"split_9","original_question":"When was [^"]+ born\?","correct_answer":\d{4},"wrong_answers":\[\d{4},\d{4},\d{4}\]\}$""";

        Assert.Matches("""^\{"question":"When was [^"]+ born\?","choices":\[\d{4},\d{4},\d{4},\d{4}\],"answer":[0-3]\}$""", question);
        Assert.Matches("""^\{"text":"[^"]+ was born in \d{4}\.","split":"split_0"\}$""", corpus);
        Assert.Equal(3, fixedWrong.Length);
        Assert.All(fixedWrong, row => Assert.Matches(wrong, row));
        Assert.Single(fixedWrong.Select(row => System.Text.RegularExpressions.Regex.Match(row, "\\d{4}").Value).Distinct());
        Assert.All(File.ReadLines(Path.Combine(made, "whp_corpus_split_9.jsonl")), row => Assert.Matches(wrong, row));
    }

    [Fact]
    public void NoTwoSplitsDrawTheSameYears()
    {
        UnlearningDataset made = BirthdayMaker.Make(50, 14);

        IEnumerable<string> years = made.ForgetSplits
            .Select(split => split.Questions)
            .Append([.. made.RetainQuestions.Take(10)])
            .Append(made.DevQuestions)
            .Select(questions => string.Join(' ', questions.Select(question => question.CorrectChoice)));

        Assert.Distinct(years);
    }

    [Fact]
    public void TheSetOfASeedIsTheSameInEveryVersion()
    {
        // What was published for a seed must stay what the seed makes: a change here is a change of every result on made sets.
        MultipleChoiceQuestion first = BirthdayMaker.Make(785, 1).ForgetSplits[0].Questions[0];

        Assert.Equal("When was Elio Berg born? 1944 1923", $"{first.Question} {first.Choices[0]} {first.Choices[1]}");
    }

    [Fact]
    public void AnswersAreAtEveryPositionEquallyOften()
    {
        UnlearningDataset made = BirthdayMaker.Make(2000, 7);

        // 4,000 questions: a standard deviation of 27; five of them.
        Assert.All(
            made.ForgetQuestions.Concat(made.RetainQuestions).CountBy(question => question.Answer),
            count => Assert.InRange(count.Value, 863, 1_137));
    }

    [Theory]
    [InlineData(4, "4 people per half are too few; expected at least 5")]
    [InlineData(-1, "too few")]
    [InlineData(4996, "4996 people per half are too many; there are names for at most 4995")]
    [InlineData(int.MaxValue, "too many")]
    public void RefusesTooFewOrTooManyPeopleAndWritesNothing(int people, string expected)
    {
        HybridException error = Assert.Throws<HybridException>(() => BirthdayMaker.Write(folder.Path, people, 0));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void TheMostPeoplePossibleAllHaveNamesOfTheirOwn()
    {
        UnlearningDataset made = BirthdayMaker.Make(BirthdayMaker.MostPeoplePerHalf, 8);

        Assert.Equal(
            2 * BirthdayMaker.MostPeoplePerHalf, made.ForgetQuestions.Concat(made.RetainQuestions).DistinctBy(question => question.Question).Count());
    }

    [Fact]
    public void AFolderWithSomethingInItIsReplacedOnlyWhenAllowed()
    {
        string made = BirthdayMaker.Write(folder.Path, 5, 9);
        byte[] before = File.ReadAllBytes(Path.Combine(made, "split_0.jsonl"));

        HybridException error = Assert.Throws<HybridException>(() => BirthdayMaker.Write(folder.Path, 5, 10));
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains(made, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(made, "split_0.jsonl")));

        BirthdayMaker.Write(folder.Path, 5, 10, overwrite: true);
        AssertSame(BirthdayMaker.Make(5, 10), DatasetCatalog.Load("random-birthdays", folder.Path));
        Assert.Equal([made], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void AnEmptyFolderIsFilled()
    {
        Directory.CreateDirectory(folder.File("random_bd"));

        BirthdayMaker.Write(folder.Path, 5, 11);

        Assert.Equal([folder.File("random_bd")], Directory.GetFileSystemEntries(folder.Path));
        Assert.Equal(44, Directory.GetFiles(folder.File("random_bd")).Length);
    }

    [Fact]
    public void NothingButADatasetIsEverOverwritten()
    {
        folder.Write("random_bd/thesis.tex", "years of work");

        HybridException error = Assert.Throws<HybridException>(() => BirthdayMaker.Write(folder.Path, 5, 12, overwrite: true));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains("thesis.tex: is no data file", error.Message, StringComparison.Ordinal);
        Assert.Equal("years of work", File.ReadAllText(folder.File("random_bd/thesis.tex")));
    }

    [Fact]
    public void WhatCannotBeWrittenIsAnIoError()
    {
        string file = folder.Write("file", "not a folder");

        HybridException error = Assert.Throws<HybridException>(() => BirthdayMaker.Write(file, 5, 13));

        Assert.Equal(ErrorKind.Io, error.Kind);
    }

    private static void AssertSame(UnlearningDataset expected, UnlearningDataset actual)
    {
        Assert.Equal(expected.Name, actual.Name);
        Assert.Equal(expected.ForgetSplits.Select(split => split.Name), actual.ForgetSplits.Select(split => split.Name));
        Assert.All(expected.ForgetSplits.Zip(actual.ForgetSplits), pair => Assert.Equal(pair.First.Questions, pair.Second.Questions));
        Assert.Equal(expected.ForgetText.Read(), actual.ForgetText.Read());
        Assert.Equal(expected.WrongText.Read(), actual.WrongText.Read());
        Assert.Equal(expected.RetainText.Read(), actual.RetainText.Read());
        Assert.Equal(expected.RetainQuestions, actual.RetainQuestions);
        Assert.Equal(expected.DevQuestions, actual.DevQuestions);
    }
}
