using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class DataCheckTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void CountsWhatIsPeculiar()
    {
        QuestionCounts counts = QuestionCounts.Of(
        [
            new() { Name = "a", Questions = [Ask("p", 0), Ask("p", 0), Ask("q", 1), Ask("r", 2, "x", "x", "y", "z")] },
            new() { Name = "b", Questions = [Ask("q", 1), Ask("q", 2), Ask("s", 0, "x", "x", "y", "z"), Ask("p ", 0)] },
        ]);

        Assert.Equal(
            new QuestionCounts
            {
                Questions = 8, Distinct = 5, InSeveralSplits = 1, WithConflictingAnswers = 1, RepeatingAChoice = 2, RepeatingTheAnswer = 1,
            },
            counts);
    }

    [Fact]
    public void AMadeSetHasNothingWrong()
    {
        BirthdayMaker.Write(folder.Path, 17, 1);

        DataCheckReport report = Inspect("random-birthdays");

        Assert.Empty(report.Findings);
        Assert.Empty(report.Faults);
        Assert.Empty(report.EmptyFiles);
        Assert.Empty(report.UnknownFiles);
        Assert.Equal(44, report.Files);
        Assert.Equal((34 + 10) * 10, report.Rows); // a question and nine texts each
        Assert.Equal(Clean(17), report.Forget);
        Assert.Equal(Clean(17), report.Retain);
        Assert.Equal(Clean(34), report.All);
        Assert.Equal([new("split_0", 4, 0), new("split_1", 4, 0), new("split_2", 3, 0), new("split_3", 3, 0), new("split_4", 3, 0)], report.Folds);
        Assert.Equal(Enumerable.Range(0, 10).Select(split => new TextCoverage($"split_{split}", split % 5 < 2 ? 4 : 3, 0, 0)), report.Texts);
    }

    [Fact]
    public void NoMadeSetHasAFinding()
    {
        Gen<(int People, ulong Seed)> cases = from people in Gen.Choose(5, 60) from seed in Gen.Choose(0, 1_000_000) select (people, (ulong)seed);
        Prop.ForAll(cases.ToArbitrary(), sized =>
        {
            BirthdayMaker.Write(folder.Path, sized.People, sized.Seed, overwrite: true);
            DataCheckReport report = Inspect("random-birthdays");
            return report.Findings.Count == 0 && report.UnknownFiles.Count == 0 && report.All == Clean(2 * sized.People);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void NamesEveryFaultyLineAndGoesOn()
    {
        string made = BirthdayMaker.Write(folder.Path, 10, 2);
        File.AppendAllText(Path.Combine(made, "split_1.jsonl"), """{"question": "Q?", "choices": [1, 2, 3, 4], "answer": 9}""" + "\n");
        File.AppendAllText(Path.Combine(made, "corpus_split_6.jsonl"), """{"text": "a", "colour": 1}""" + "\n" + """{"text": "b"}""" + "\n");
        using (FileStream file = File.Open(Path.Combine(made, "whp_corpus_dev.jsonl"), FileMode.Append))
        {
            file.Write([(byte)'"', 0xFF, (byte)'"', (byte)'\n']);
        }

        folder.Write("random_bd/notes.md", "");

        DataCheckReport report = Inspect("random-birthdays");

        Assert.Equal(3, report.Faults.Count);
        Assert.Equal(1, report.CountFaults(DataFaultKind.BadValue));
        Assert.Equal(1, report.CountFaults(DataFaultKind.UnknownField));
        Assert.Equal(1, report.CountFaults(DataFaultKind.Encoding));
        Assert.Contains(report.Faults, fault => fault.Message.StartsWith($"{Path.Combine(made, "split_1.jsonl")}:3: ", StringComparison.Ordinal));
        Assert.Contains(report.Faults, fault => fault.Message.StartsWith($"{Path.Combine(made, "corpus_split_6.jsonl")}:7: ", StringComparison.Ordinal));
        Assert.Equal(301, report.Rows);
        Assert.Equal([Path.Combine(made, "notes.md")], report.UnknownFiles);
        Assert.Equal([new(DataFindingKind.FaultyLine, 3)], report.Findings); // a file that is not read is a note
    }

    [Fact]
    public void ComparesASplitsTextsWithItsQuestions()
    {
        string made = BirthdayMaker.Write(folder.Path, 10, 3);
        File.AppendAllText(Path.Combine(made, "corpus_split_0.jsonl"), """{"text": "a", "original_question": "Elsewhere?"}""" + "\n");
        File.AppendAllText(Path.Combine(made, "tf_split_1.jsonl"), """{"text": "a", "question": "Elsewhere?"}""" + "\n" + """{"text": "b", "question": "Elsewhere?"}""" + "\n");
        File.AppendAllText(Path.Combine(made, "split_7.jsonl"), Row("Untold?", 1));

        DataCheckReport report = Inspect("random-birthdays");

        Assert.Equal([new(DataFindingKind.TextOutsideSplit, 2), new(DataFindingKind.QuestionWithoutText, 1)], report.Findings);
        Assert.Equal([new("split_0", 3, 1, 0), new("split_1", 3, 1, 0)], report.Texts.Where(split => split.OutsideSplit > 0));
        Assert.Equal([new("split_7", 2, 0, 1)], report.Texts.Where(split => split.QuestionsWithoutText > 0));
    }

    [Fact]
    public void CountsEveryDefectOfAUsersDataset()
    {
        // p stands twice in a and once in b, q in both with two answers; s repeats a choice and is retained too; d is a few-shot question of b.
        folder.Write("own/a.jsonl", Row("p", 0) + Row("p", 0) + Row("q", 1));
        folder.Write("own/b.jsonl", Row("p", 0) + Row("q", 2) + Row("s", 0, "[1, 1, 2, 3]") + Row("d", 0) + "{}\n");
        folder.Write("own/keep.jsonl", Row("s", 0) + Row("t", 3));
        folder.Write("own/dev.jsonl", Row("d", 0) + Row("e", 0));
        folder.Write("own/facts.jsonl", Text("p") + Text("q") + Text("q") + Text("elsewhere"));
        folder.Write("own/wrong.jsonl", Text("s") + """{"text": "no source", "original_question": 7}""" + "\n");
        folder.Write("own/keep.txt", "One.\n\nTwo.\n");
        folder.Write("own/latin.txt", [.. "One.\n"u8, 0xE9, (byte)'\n', 0xFF]);
        folder.Write("own/empty.txt", "\n");
        folder.Write("own/notes.md", "");
        folder.Write("own/dataset.yaml", """
            name: mine
            forget-questions: [a.jsonl, b.jsonl]
            forget-text: [facts.jsonl]
            wrong-text: [wrong.jsonl]
            retain-text: [keep.txt, latin.txt, empty.txt]
            retain-questions: [keep.jsonl]
            dev-questions: [dev.jsonl]
            """);

        DataCheckReport report = DataCheck.Inspect(DatasetSource.Find(folder.File("own"), null));

        Assert.Equal(
            [
                new(DataFindingKind.FaultyLine, 3), // {} and two lines of latin.txt
                new(DataFindingKind.EmptyFile, 1),
                new(DataFindingKind.RepeatedQuestion, 4), // p twice, q and the retained s
                new(DataFindingKind.LeakedQuestion, 2),
                new(DataFindingKind.ConflictingAnswer, 1),
                new(DataFindingKind.RepeatedChoice, 1),
                new(DataFindingKind.ForgetAndRetain, 1),
                new(DataFindingKind.DevInSplit, 1),
                new(DataFindingKind.TextOutsideSplit, 1),
                new(DataFindingKind.QuestionWithoutText, 1), // d
            ],
            report.Findings);
        Assert.Equal([new("a", 3, 3), new("b", 4, 2)], report.Folds);
        Assert.Equal([new(TextCoverage.AllForgetSplits, 4, 1, 1)], report.Texts);
        Assert.Equal(
            [
                $"{folder.File("own/b.jsonl")}:5: no field 'question'; expected a string",
                $"{folder.File("own/latin.txt")}:2: byte 0xE9 is not UTF-8; expected UTF-8 throughout",
                $"{folder.File("own/latin.txt")}:3: byte 0xFF is not UTF-8; expected UTF-8 throughout",
            ],
            report.Faults.Select(fault => fault.Message));
        Assert.Equal([folder.File("own/empty.txt")], report.EmptyFiles);
        Assert.Equal([folder.File("own/notes.md")], report.UnknownFiles);
        Assert.Equal((9, 3 + 4 + 2 + 2 + 4 + 2 + 2 + 1), (report.Files, report.Rows));
    }

    [Fact]
    public void AMissingFolderOrFileIsNamed()
    {
        HybridException noFolder = Assert.Throws<HybridException>(() => Inspect("mmlu"));
        Assert.Equal(ErrorKind.DataFile, noFolder.Kind);
        Assert.StartsWith(folder.File("mmlu_cats_random_trimmed"), noFolder.Message, StringComparison.Ordinal);

        string made = BirthdayMaker.Write(folder.Path, 5, 0);
        File.Delete(Path.Combine(made, "corpus_split_8.jsonl"));
        HybridException noFile = Assert.Throws<HybridException>(() => Inspect("random-birthdays"));
        Assert.Equal($"{Path.Combine(made, "corpus_split_8.jsonl")}: no such file", noFile.Message);
    }

    private static string Row(string question, int answer, string choices = "[1, 2, 3, 4]") =>
        $$"""{"question": "{{question}}", "choices": {{choices}}, "answer": {{answer}}}""" + "\n";

    private static string Text(string source) => $$"""{"text": "about {{source}}", "original_question": "{{source}}"}""" + "\n";

    private DataCheckReport Inspect(string name) => DataCheck.Inspect(DatasetSource.Find(name, folder.Path));

    private static QuestionCounts Clean(int questions) => new()
    {
        Questions = questions, Distinct = questions, InSeveralSplits = 0, WithConflictingAnswers = 0, RepeatingAChoice = 0, RepeatingTheAnswer = 0,
    };

    private static MultipleChoiceQuestion Ask(string question, int answer, params string[] choices) =>
        new() { Question = question, Choices = choices.Length > 0 ? choices : ["1", "2", "3", "4"], Answer = answer };
}
