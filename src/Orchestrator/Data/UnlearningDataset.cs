namespace Hybrid.Orchestrator.Data;

/// <summary>
/// What an unlearning run needs to know about a body of knowledge: the questions to forget in named splits, the same facts as text, text
/// and questions to retain, and a few questions for few-shot prompts. Questions are in memory; texts are read when first asked for,
/// and one that a user's dataset does not have is an error then.
/// </summary>
public sealed record UnlearningDataset
{
    /// <summary>The name in the catalog, for example <c>random-birthdays</c>, or the one in the user's <c>dataset.yaml</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The splits to forget, five in every catalogued dataset. The RTT attack holds out one at a time.</summary>
    public required IReadOnlyList<QuestionSplit> ForgetSplits { get; init; }

    /// <summary>
    /// The facts to forget as text, over all forget splits. In <c>years</c> a split's text does not cover the same facts as its questions,
    /// so no fold's T may be made from it; for unlearning, which uses all splits, that does no harm.
    /// </summary>
    public required TextCorpus ForgetText { get; init; }

    /// <summary>The same facts made wrong at random (the <c>whp_</c> files): what RIA trains towards in corpus form.</summary>
    public required TextCorpus WrongText { get; init; }

    /// <summary>Text whose likelihood must not suffer.</summary>
    public required TextCorpus RetainText { get; init; }

    /// <summary>Questions whose accuracy must not suffer.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> RetainQuestions { get; init; }

    /// <summary>Questions for few-shot prompts; none where a user's dataset names none. Published sets have some that stand in a split too.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> DevQuestions { get; init; }

    /// <summary>The questions of all forget splits, split after split, repetitions included.</summary>
    public IEnumerable<MultipleChoiceQuestion> ForgetQuestions => ForgetSplits.SelectMany(split => split.Questions);
}
