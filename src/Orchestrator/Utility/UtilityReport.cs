namespace Hybrid.Orchestrator.Utility;

/// <summary>One prompt's outcome.</summary>
/// <param name="Row">Position of the row in the task's file, from 0.</param>
/// <param name="Output">What the model said, or the choice it holds likeliest.</param>
/// <param name="Gold">What would have been right; several where any of them is, none where nothing is asked for.</param>
/// <param name="Scores">By the names of <see cref="UtilityTaskResult.Metrics"/>.</param>
internal sealed record UtilityItem(int Row, string Output, IReadOnlyList<string> Gold, IReadOnlyDictionary<string, double> Scores);

/// <summary>A metric's mean over the prompts.</summary>
/// <param name="Name">For example <c>bbh_em</c>; docs/utility.md defines each.</param>
/// <param name="Value">A share or F1 from 0 to 1; for fluency bits.</param>
internal sealed record UtilityMetric(string Name, double Value);

/// <summary>The outcome of one task.</summary>
internal sealed record UtilityTaskResult
{
    /// <summary>Which task.</summary>
    public required UtilityTaskKind Task { get; init; }

    /// <summary>The metric of the task, then those kept for comparison only.</summary>
    public required IReadOnlyList<UtilityMetric> Metrics { get; init; }

    /// <summary>
    /// Prompts that were longer than the model allows and lost the left end of their text: their scores say little. A prompt that is asked with
    /// each of its choices counts once for each.
    /// </summary>
    public required int CutPrompts { get; init; }

    /// <summary>Every prompt, in the file's order.</summary>
    public required IReadOnlyList<UtilityItem> Items { get; init; }

    /// <summary>The task's metric.</summary>
    public double Score => Metrics[0].Value;
}

/// <summary>The outcome of a run of the utility suite.</summary>
/// <param name="ChatTemplate">The name of the template that was used.</param>
/// <param name="Tasks">In the order in which they ran.</param>
internal sealed record UtilityReport(string ChatTemplate, IReadOnlyList<UtilityTaskResult> Tasks);

/// <summary>How far a task is.</summary>
/// <param name="Task">Which task.</param>
/// <param name="Done">Sequences that are finished.</param>
/// <param name="Total">Sequences of the task: its prompts, or prompts with each of their choices.</param>
internal sealed record UtilityProgress(UtilityTaskKind Task, int Done, int Total);
