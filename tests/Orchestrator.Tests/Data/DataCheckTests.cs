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

        DataCheckReport report = DataCheck.Inspect("random-birthdays", folder.Path);

        Assert.Empty(report.Faults);
        Assert.Empty(report.UnknownFiles);
        Assert.Equal(44, report.Files);
        Assert.Equal((34 + 10) * 10, report.Rows); // a question and nine texts each
        Assert.Equal(Clean(17), report.Forget);
        Assert.Equal(Clean(34), report.All);
        Assert.Equal(0, report.TextSourcesOutsideSplit);
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

        DataCheckReport report = DataCheck.Inspect("random-birthdays", folder.Path);

        Assert.Equal(3, report.Faults.Count);
        Assert.Equal(1, report.CountFaults(DataFaultKind.BadValue));
        Assert.Equal(1, report.CountFaults(DataFaultKind.UnknownField));
        Assert.Equal(1, report.CountFaults(DataFaultKind.Encoding));
        Assert.Contains(report.Faults, fault => fault.Message.StartsWith($"{Path.Combine(made, "split_1.jsonl")}:3: ", StringComparison.Ordinal));
        Assert.Contains(report.Faults, fault => fault.Message.StartsWith($"{Path.Combine(made, "corpus_split_6.jsonl")}:7: ", StringComparison.Ordinal));
        Assert.Equal(301, report.Rows);
        Assert.Equal([Path.Combine(made, "notes.md")], report.UnknownFiles);
        Assert.Contains("invalid UTF-8: 1 lines; unknown fields: 1 lines", report.ToLines());
    }

    [Fact]
    public void FindsTextAboutOtherQuestionsThanTheSplits()
    {
        string made = BirthdayMaker.Write(folder.Path, 10, 3);
        File.AppendAllText(Path.Combine(made, "corpus_split_0.jsonl"), """{"text": "a", "original_question": "Elsewhere?"}""" + "\n");
        File.AppendAllText(Path.Combine(made, "corpus_split_1.jsonl"), """{"text": "a", "question": "Elsewhere?"}""" + "\n");

        Assert.Equal(2, DataCheck.Inspect("random-birthdays", folder.Path).TextSourcesOutsideSplit);
    }

    [Fact]
    public void AMissingFolderIsNamed()
    {
        HybridException error = Assert.Throws<HybridException>(() => DataCheck.Inspect("mmlu", folder.Path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.StartsWith(folder.File("mmlu_cats_random_trimmed"), error.Message, StringComparison.Ordinal);
    }

    private static QuestionCounts Clean(int questions) => new()
    {
        Questions = questions, Distinct = questions, InSeveralSplits = 0, WithConflictingAnswers = 0, RepeatingAChoice = 0, RepeatingTheAnswer = 0,
    };

    private static MultipleChoiceQuestion Ask(string question, int answer, params string[] choices) =>
        new() { Question = question, Choices = choices.Length > 0 ? choices : ["1", "2", "3", "4"], Answer = answer };
}
