namespace Hybrid.Orchestrator.Data;

/// <summary>
/// One fold of the RTT attack (Deeb and Roger 2025): the unlearned model is fine-tuned on T and tested on V, facts of the same kind that
/// it is not shown again. What it then gets right in V was hidden, not forgotten.
/// </summary>
internal sealed record RelearningFold
{
    /// <summary>The held-out split's position among the forget splits, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The held-out split's name.</summary>
    public required string HeldOutSplit { get; init; }

    /// <summary>T: the questions of the other forget splits, split after split.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> Train { get; init; }

    /// <summary>V: the held-out split's questions, without those that leak if so asked.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> Validation { get; init; }

    /// <summary>How many rows of the held-out split have a question that also stands in T, whether left out of V or not.</summary>
    public required int LeakedCount { get; init; }

    /// <summary>How many of those were left out of V: all of them or none.</summary>
    public required int LeftOutCount { get; init; }
}
