using System.Text;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Utility;

namespace Hybrid.Faults.Hostile;

/// <summary>A dataset's files: questions and texts as JSON Lines, texts a line each, the rows of the utility suite, and a tokenizer's vectors.</summary>
internal static class DataKinds
{
    private const string Questions = """
        {"question": "When was Aidan Li born?", "choices": [1961, 1958, "1965", 1994.0], "answer": 2}
        {"question": "Where?", "choices": ["a", "b", "c", "d"], "answer": 0, "text": "t", "split": "s", "correct_year": 1965, "original_question": "o", "correct_answer": 1965, "wrong_answers": [1, "2"], "is_false": 0}

        """;

    private const string Texts = """
        {"text": "Aidan Li was born in 1965. \u00e9\ud83d\ude00"}
        {"text": "strict", "split": "s", "question": "q", "choices": [1], "answer": 0}

        """;

    public static IReadOnlyList<ReaderKind> All { get; } =
    [
        new()
        {
            Name = "jsonl-questions",
            File = "split_0.jsonl",
            Samples = [Encoding.UTF8.GetBytes(Questions), Encoding.UTF8.GetBytes(Questions.TrimEnd().ReplaceLineEndings("\r\n"))],
            Read = path => RequireAlike(path, JsonlSchema.Question, () => JsonlReader.ReadQuestions(path).Count),
        },
        new()
        {
            Name = "jsonl-texts",
            File = "corpus_split_0.jsonl",
            Samples = [Encoding.UTF8.GetBytes(Texts), Encoding.UTF8.GetBytes("""{"text": "x", "url": {"a": [1, {}]}, "id": null}""")],
            Read = path =>
            {
                if (TextCorpus.OfUserFiles([path]).Read().Any(text => text.Contains("strict", StringComparison.Ordinal)))
                {
                    RequireAlike(path, JsonlSchema.Text, () => JsonlReader.ReadTexts(path).Count);
                }
            },
        },
        new()
        {
            Name = "txt",
            File = "corpus.txt",
            Samples = [Encoding.UTF8.GetBytes("one\n\n two \r\nthree"), [.. Encoding.UTF8.Preamble, .. "é\n"u8]],
            Read = path => TextCorpus.OfUserFiles([path]).Read(),
        },
        new()
        {
            Name = "utility-rows",
            File = BbhTask.FileName,
            Samples = [Encoding.UTF8.GetBytes("""[{"task": "word_sorting", "question": "Sort: b a", "answer": "a b", "cot": "Q: c\nA: the answer is c."}]""")],
            Read = path => BbhTask.Load(Path.GetDirectoryName(path)!),
        },
        new()
        {
            Name = "tokenizer-vectors",
            File = "vectors.jsonl",
            Samples = [Encoding.UTF8.GetBytes("{\"text\": \"a b\", \"ids\": [1, 2]}\n{\"text\": \"\", \"ids\": []}\n")],
            Read = path => TokenizerVectors.Read(path),
        },
    ];

    /// <summary>The reading that stops at the first fault and the one that collects all of them agree on whether there is one.</summary>
    private static void RequireAlike(string path, JsonlSchema schema, Func<int> read)
    {
        int faults = 0;
        int sound = schema == JsonlSchema.Question
            ? JsonlReader.Read(path, schema, JsonlReader.ToQuestion, _ => faults++).Count
            : JsonlReader.Read(path, schema, row => row.GetProperty("text").GetString()!, _ => faults++).Count;
        int count = read();
        if (faults > 0 || count != sound)
        {
            throw new InvalidOperationException($"one reading found {faults} faults and {sound} rows, the other {count} rows and no fault");
        }
    }
}
