namespace Hybrid.Orchestrator.Data;

/// <summary>What <see cref="DataCheck"/> found in a dataset.</summary>
internal sealed record DataCheckReport
{
    /// <summary>The dataset's name.</summary>
    public required string Dataset { get; init; }

    /// <summary>Its own folder.</summary>
    public required string Folder { get; init; }

    /// <summary>How many data files were read.</summary>
    public required int Files { get; init; }

    /// <summary>How many rows in them were without fault.</summary>
    public required int Rows { get; init; }

    /// <summary>Every faulty line: bytes that are not UTF-8, unknown fields and the like.</summary>
    public required IReadOnlyList<DataFault> Faults { get; init; }

    /// <summary>Files of the dataset that hold no line.</summary>
    public required IReadOnlyList<string> EmptyFiles { get; init; }

    /// <summary>Files in the dataset's own folder that belong to no part of it; they were not read. A note, not a finding.</summary>
    public required IReadOnlyList<string> UnknownFiles { get; init; }

    /// <summary>Counts over the forget splits.</summary>
    public required QuestionCounts Forget { get; init; }

    /// <summary>Counts over the retain questions, wherever their files lie.</summary>
    public required QuestionCounts Retain { get; init; }

    /// <summary>Counts over the forget splits and the retain questions together; the few-shot questions are not among them.</summary>
    public required QuestionCounts All { get; init; }

    /// <summary>Different questions that stand in a forget split and among the retain questions.</summary>
    public required int InForgetAndRetain { get; init; }

    /// <summary>Different few-shot questions that stand in a forget split or among the retain questions.</summary>
    public required int DevInSplits { get; init; }

    /// <summary>For every forget split, what leaks into it when it is held out.</summary>
    public required IReadOnlyList<FoldLeak> Folds { get; init; }

    /// <summary>The splits whose texts name the questions that they were made from.</summary>
    public required IReadOnlyList<TextCoverage> Texts { get; init; }

    /// <summary>
    /// <see cref="TextCoverage.OutsideSplit"/> summed over splits. Above 0, T must not be trained from the splits' texts.
    /// </summary>
    public int TextSourcesOutsideSplit => Texts.Sum(split => split.OutsideSplit);

    /// <summary><see cref="TextCoverage.QuestionsWithoutText"/> summed over splits.</summary>
    public int QuestionsWithoutText => Texts.Sum(split => split.QuestionsWithoutText);

    /// <summary>Everything that is wrong, by kind; the kinds that were not found are left out.</summary>
    public IReadOnlyList<DataFinding> Findings =>
    [
        .. new DataFinding[]
        {
            new(DataFindingKind.FaultyLine, Faults.Count),
            new(DataFindingKind.EmptyFile, EmptyFiles.Count),
            new(DataFindingKind.RepeatedQuestion, All.Questions - All.Distinct),
            new(DataFindingKind.LeakedQuestion, Forget.InSeveralSplits),
            new(DataFindingKind.ConflictingAnswer, All.WithConflictingAnswers),
            new(DataFindingKind.RepeatedChoice, All.RepeatingAChoice),
            new(DataFindingKind.ForgetAndRetain, InForgetAndRetain),
            new(DataFindingKind.DevInSplit, DevInSplits),
            new(DataFindingKind.TextOutsideSplit, TextSourcesOutsideSplit),
            new(DataFindingKind.QuestionWithoutText, QuestionsWithoutText),
        }.Where(finding => finding.Count > 0),
    ];

    /// <summary>How many faults there are of a kind.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>Their number.</returns>
    public int CountFaults(DataFaultKind kind) => Faults.Count(fault => fault.Kind == kind);
}
