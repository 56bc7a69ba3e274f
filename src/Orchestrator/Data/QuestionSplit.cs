namespace Hybrid.Orchestrator.Data;

/// <summary>A named part of a dataset's questions, for example <c>split_0</c> or <c>mmlu_STEM</c>.</summary>
public sealed record QuestionSplit
{
    /// <summary>The name: the file's name without <c>.jsonl</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The questions in the file's order.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> Questions { get; init; }
}
