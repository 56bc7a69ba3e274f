using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>The questions of a forget split, or of another part, in numbers.</summary>
/// <param name="Part"><c>forget</c>, <c>retain</c> or <c>dev</c>.</param>
/// <param name="Split">The split's name; the part's where it has no splits.</param>
/// <param name="Questions">Rows.</param>
/// <param name="Distinct">Different question texts.</param>
/// <param name="Answers">How often each position, A to D, is the right one.</param>
internal sealed record QuestionStatistics(string Part, string Split, int Questions, int Distinct, IReadOnlyList<int> Answers);

/// <summary>The texts of a part in numbers.</summary>
/// <param name="Part"><c>forget</c>, <c>wrong</c> or <c>retain</c>.</param>
/// <param name="Texts">How many there are.</param>
/// <param name="Distinct">How many different ones.</param>
internal sealed record TextStatistics(string Part, int Texts, int Distinct);

/// <summary>How much there is of each part of a dataset, how long its examples are under a tokenizer, and where the right answers stand.</summary>
internal sealed record DataStatistics
{
    private const string ForgetPart = "forget";
    private const string WrongPart = "wrong";
    private const string RetainPart = "retain";
    private const string DevPart = "dev";

    /// <summary>The dataset's name.</summary>
    public required string Dataset { get; init; }

    /// <summary>Every forget split, the retain questions and, where there are any, the few-shot questions.</summary>
    public required IReadOnlyList<QuestionStatistics> Questions { get; init; }

    /// <summary>Every part of the texts that the dataset has.</summary>
    public required IReadOnlyList<TextStatistics> Texts { get; init; }

    /// <summary>For each part its forms.</summary>
    public required IReadOnlyList<TokenLengths> Lengths { get; init; }

    /// <summary>Reads every text of a dataset and counts.</summary>
    /// <param name="dataset">The dataset.</param>
    /// <param name="tokenizer">What lengths are measured with.</param>
    /// <returns>The figures.</returns>
    /// <exception cref="HybridException">As for <see cref="TextCorpus.Read"/>; a part that the dataset does not have is left out.</exception>
    public static DataStatistics Of(UnlearningDataset dataset, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(tokenizer);
        (string Part, IReadOnlyList<MultipleChoiceQuestion> Rows)[] questions =
            [(ForgetPart, [.. dataset.ForgetQuestions]), (RetainPart, dataset.RetainQuestions), (DevPart, dataset.DevQuestions)];
        questions = [.. questions.Where(part => part.Rows.Count > 0)];
        (string Part, TextCorpus Corpus)[] corpora = [(ForgetPart, dataset.ForgetText), (WrongPart, dataset.WrongText), (RetainPart, dataset.RetainText)];
        (string Part, IReadOnlyList<string> Rows)[] texts = [.. corpora.Where(part => !part.Corpus.IsAbsent).Select(part => (part.Part, part.Corpus.Read()))];
        var encoder = new ExampleEncoder(tokenizer, int.MaxValue);
        return new()
        {
            Dataset = dataset.Name,
            Questions = Array.AsReadOnly<QuestionStatistics>(
            [
                .. dataset.ForgetSplits.Select(split => Count(ForgetPart, split.Name, split.Questions)),
                .. questions.Where(part => part.Part != ForgetPart).Select(part => Count(part.Part, part.Part, part.Rows)),
            ]),
            Texts = Array.AsReadOnly<TextStatistics>(
                [.. texts.Select(part => new TextStatistics(part.Part, part.Rows.Count, part.Rows.Distinct(StringComparer.Ordinal).Count()))]),
            Lengths = Array.AsReadOnly<TokenLengths>(
            [
                .. questions.SelectMany(part => Measure(part.Part, part.Rows, encoder)),
                .. texts.Where(part => part.Rows.Count > 0)
                    .Select(part => TokenLengths.Of(part.Part, "corpus", part.Rows.Select(text => encoder.EncodeText(text).Ids.Length))),
            ]),
        };
    }

    private static QuestionStatistics Count(string part, string split, IReadOnlyList<MultipleChoiceQuestion> questions) => new(
        part,
        split,
        questions.Count,
        questions.DistinctBy(question => question.Question, StringComparer.Ordinal).Count(),
        Array.AsReadOnly<int>([.. Enumerable.Range(0, MultipleChoiceQuestion.ChoiceCount).Select(answer => questions.Count(question => question.Answer == answer))]));

    private static IEnumerable<TokenLengths> Measure(string part, IReadOnlyList<MultipleChoiceQuestion> questions, ExampleEncoder encoder) =>
    [
        TokenLengths.Of(part, "prompt", questions.Select(question => encoder.EncodePrompt(McqPrompt.Render(question)).Ids.Length)),
        TokenLengths.Of(part, "question-letter-answer", questions.Select(question => encoder.Encode(question, QuestionForm.QuestionLetterAnswer).Ids.Length)),
        TokenLengths.Of(part, "letter-answer", questions.Select(question => encoder.Encode(question, QuestionForm.LetterAnswer).Ids.Length)),
    ];
}
