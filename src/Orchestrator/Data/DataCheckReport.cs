namespace Hybrid.Orchestrator.Data;

/// <summary>What <see cref="DataCheck"/> found in a dataset's folder.</summary>
public sealed record DataCheckReport
{
    /// <summary>The dataset's name.</summary>
    public required string Dataset { get; init; }

    /// <summary>The folder that was read.</summary>
    public required string Folder { get; init; }

    /// <summary>How many data files were read.</summary>
    public required int Files { get; init; }

    /// <summary>How many rows in them were without fault.</summary>
    public required int Rows { get; init; }

    /// <summary>Every faulty line: bytes that are not UTF-8, unknown fields and the like.</summary>
    public required IReadOnlyList<DataFault> Faults { get; init; }

    /// <summary>Files whose names are of no known kind; they were not read.</summary>
    public required IReadOnlyList<string> UnknownFiles { get; init; }

    /// <summary>Counts over the forget splits.</summary>
    public required QuestionCounts Forget { get; init; }

    /// <summary>
    /// Counts over all question splits in the dataset's own folder, forget and retain; the few-shot questions are not among them.
    /// </summary>
    public required QuestionCounts All { get; init; }

    /// <summary>
    /// Questions that a split's text files name as their source but that do not stand in that split, summed over splits. Above 0 the
    /// split's text states other facts than its questions ask for, so T must not be trained from it.
    /// </summary>
    public required int TextSourcesOutsideSplit { get; init; }

    /// <summary>How many faults there are of a kind.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>Their number.</returns>
    public int CountFaults(DataFaultKind kind) => Faults.Count(fault => fault.Kind == kind);

    /// <summary>The report as text, one line a finding, to be printed.</summary>
    /// <returns>The lines.</returns>
    public IReadOnlyList<string> ToLines() =>
    [
        $"{Dataset}: {Folder}: {Files} files, {Rows} rows, {Faults.Count} faulty lines",
        $"forget splits: {Forget.Distinct} distinct questions of {Forget.Questions}",
        $"forget splits: {Forget.InSeveralSplits} questions in more than one split (a leak from T to V)",
        $"all splits: {All.Distinct} distinct questions of {All.Questions}",
        $"all splits: {All.WithConflictingAnswers} questions with conflicting answers",
        $"all splits: {All.RepeatingAChoice} rows repeat a choice, {All.RepeatingTheAnswer} of them the right one",
        $"texts: {TextSourcesOutsideSplit} source questions outside of their split",
        $"invalid UTF-8: {CountFaults(DataFaultKind.Encoding)} lines; unknown fields: {CountFaults(DataFaultKind.UnknownField)} lines",
        .. UnknownFiles.Select(file => $"{file}: not read, its name is of no known kind"),
        .. Faults.Select(fault => fault.Message),
    ];
}
