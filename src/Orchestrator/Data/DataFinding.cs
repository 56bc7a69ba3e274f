namespace Hybrid.Orchestrator.Data;

/// <summary>What <see cref="DataCheck"/> looks for. One row can be found under several kinds.</summary>
internal enum DataFindingKind
{
    /// <summary>A line that cannot be used: see <see cref="DataFaultKind"/>.</summary>
    FaultyLine,

    /// <summary>A file of the dataset without a line.</summary>
    EmptyFile,

    /// <summary>A row of the forget or retain questions whose question stands in an earlier row.</summary>
    RepeatedQuestion,

    /// <summary>A question in more than one forget split: a leak from T to V.</summary>
    LeakedQuestion,

    /// <summary>A question with different right answers in different rows.</summary>
    ConflictingAnswer,

    /// <summary>A row in which two or more choices are the same.</summary>
    RepeatedChoice,

    /// <summary>A question that is both to be forgotten and to be retained.</summary>
    ForgetAndRetain,

    /// <summary>A few-shot question that stands in a forget or retain split.</summary>
    DevInSplit,

    /// <summary>A question that a split's texts name as their source and that does not stand in the split.</summary>
    TextOutsideSplit,

    /// <summary>A question of a split whose texts name their sources, but never this one.</summary>
    QuestionWithoutText,
}

/// <summary>How often something was found.</summary>
/// <param name="Kind">What.</param>
/// <param name="Count">How often, at least once.</param>
internal sealed record DataFinding(DataFindingKind Kind, int Count);

/// <summary>What leaks into one forget split when it is held out as V.</summary>
/// <param name="HeldOutSplit">The split.</param>
/// <param name="Questions">Its rows.</param>
/// <param name="InTraining">How many of them have a question that also stands in T, the other forget splits.</param>
internal sealed record FoldLeak(string HeldOutSplit, int Questions, int InTraining);

/// <summary>How the texts of a split agree with its questions, told by the source questions that the texts name.</summary>
/// <param name="Split">The split, or <see cref="AllForgetSplits"/> for texts that belong to no single one.</param>
/// <param name="Sources">Different source questions named.</param>
/// <param name="OutsideSplit">How many of those do not stand in the split: its texts state other facts than its questions ask for.</param>
/// <param name="QuestionsWithoutText">Different questions of the split that no text names.</param>
internal sealed record TextCoverage(string Split, int Sources, int OutsideSplit, int QuestionsWithoutText)
{
    /// <summary>In place of a split's name: all forget splits together.</summary>
    public const string AllForgetSplits = "*";
}
