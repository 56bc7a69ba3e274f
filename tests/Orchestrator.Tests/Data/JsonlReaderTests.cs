using System.Text;
using Hybrid.Orchestrator.Data;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class JsonlReaderTests : IDisposable
{
    private const string Good = """{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 2}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ReadsAQuestionWithEveryKnownExtraField()
    {
        string path = folder.Write(
            "q.jsonl",
            """{"question": " Line one\nline two ø", "choices": [1965, "b", 1.50, -3], "answer": 0, "correct_year": 1965, "original_question": "o", "split": "s", "correct_answer": 1965, "wrong_answers": ["b", 1.5], "is_false": 1, "text": "t"}""");

        MultipleChoiceQuestion question = Assert.Single(JsonlReader.ReadQuestions(path));

        Assert.Equal(" Line one\nline two ø", question.Question);
        Assert.Equal(["1965", "b", "1.50", "-3"], question.Choices);
        Assert.Equal(0, question.Answer);
        Assert.Equal("1965", question.CorrectChoice);
    }

    [Theory]
    [InlineData(Good, 1)]
    [InlineData(Good + "\n", 1)]
    [InlineData(Good + "\n\n", 1)]
    [InlineData(Good + "\r\n" + Good + "\r\n \t\r\n", 2)]
    [InlineData("", 0)]
    [InlineData("\n", 0)]
    public void AcceptsOneBlankLineAtTheEnd(string content, int rows) =>
        Assert.Equal(rows, JsonlReader.ReadQuestions(folder.Write("q.jsonl", content)).Count);

    [Theory]
    [InlineData("\n" + Good, 1, "blank line")]
    [InlineData(Good + "\n\n" + Good, 2, "blank line")]
    [InlineData(Good + "\n\n\n", 2, "blank line")]
    [InlineData(Good + "\n" + """{"question": "Q?", "question": "R?", "choices": ["a", "b", "c", "d"], "answer": 2}""", 2, "field 'question' stands twice")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"]}""", 1, "no field 'answer'; expected an integer")]
    [InlineData("""{"choices": ["a", "b", "c", "d"], "answer": 1}""", 1, "no field 'question'; expected a string")]
    [InlineData("""{"question": "Q?", "answer": 1}""", 1, "no field 'choices'; expected a list of strings or numbers")]
    [InlineData("""{"question": 7, "choices": ["a", "b", "c", "d"], "answer": 1}""", 1, "field 'question': expected a string, found 7")]
    [InlineData("""{"question": null, "choices": ["a", "b", "c", "d"], "answer": 1}""", 1, "field 'question': expected a string, found null")]
    [InlineData("""{"question": "Q?", "choices": "abcd", "answer": 1}""", 1, "field 'choices': expected a list of strings or numbers, found \"abcd\"")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", null], "answer": 1}""", 1, "field 'choices': expected a list of strings or numbers")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": "1"}""", 1, "field 'answer': expected an integer, found \"1\"")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 1.5}""", 1, "field 'answer': expected an integer, found 1.5")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 4}""", 1, "field 'answer': expected an index from 0 to 3, found 4")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": -1}""", 1, "field 'answer': expected an index from 0 to 3, found -1")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c"], "answer": 1}""", 1, "field 'choices': expected 4 choices, found 3")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d", "e"], "answer": 1}""", 1, "field 'choices': expected 4 choices, found 5")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "", "d"], "answer": 1}""", 1, "choice 2 is blank")]
    [InlineData("""{"question": " ", "choices": ["a", "b", "c", "d"], "answer": 1}""", 1, "field 'question' is blank")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 1, "anwser": 1}""", 1, "unknown field 'anwser'; known are question, choices, answer, text")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 1, "correct_year": "1965"}""", 1, "field 'correct_year': expected an integer")]
    [InlineData("""{"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 1} {}""", 1, "not valid JSON at byte 66")]
    [InlineData("""["question"]""", 1, "expected a JSON object, found [\"question\"]")]
    [InlineData("""{"question": "\ud800", "choices": ["a", "b", "c", "d"], "answer": 1}""", 1, "half of a surrogate pair")]
    public void RefusesAMalformedLineAndNamesFileLineAndExpectation(string content, int line, string expected)
    {
        string path = folder.Write("q.jsonl", content);

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadQuestions(path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.StartsWith($"{path}:{line}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void RefusesBytesThatAreNotUtf8AndNamesTheByte()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(Good + "\n"), .. Encoding.Latin1.GetBytes("""{"text": "é"}""")];
        string path = folder.Write("q.jsonl", bytes);

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadQuestions(path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.StartsWith($"{path}:2: byte 11 of the line (0xE9) is not UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesAByteOrderMark()
    {
        string path = folder.Write("q.jsonl", [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Good)]);

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadQuestions(path));

        Assert.Contains(":1: starts with a byte order mark", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NamesAMissingFile()
    {
        string path = folder.File("absent.jsonl");

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadQuestions(path));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Equal($"{path}: no such file", error.Message);
    }

    [Fact]
    public void TextFilesHaveKnownFieldsAndForeignOnesAny()
    {
        string path = folder.Write("t.jsonl", """{"text": "One.", "split": "s"}""" + "\n" + """{"text": "Two.", "url": null}""");

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadTexts(path));

        Assert.Contains($"{path}:2: unknown field 'url'; known are text, split", error.Message, StringComparison.Ordinal);
        Assert.Equal(["One.", "Two."], JsonlReader.ReadForeignTexts(path));
    }

    [Theory]
    [InlineData("""{"text": 3}""", "expected a string, found 3")]
    [InlineData("""{"text": ""}""", "field 'text' is blank")]
    [InlineData("""{"txt": "a"}""", "no field 'text'")]
    public void ForeignTextsAreStrictAboutTheText(string row, string expected)
    {
        string path = folder.Write("t.jsonl", row);

        HybridException error = Assert.Throws<HybridException>(() => JsonlReader.ReadForeignTexts(path));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
