namespace Hybrid.Orchestrator.Unlearning;

/// <summary>What a method teaches in the forget set's place.</summary>
public enum ReplacementKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Each question with a wrong answer, or the dataset's wrong texts, over which the method passes instead of the forget set (RIA).</summary>
    WrongAnswers,

    /// <summary>Each question with a refusal (DPO).</summary>
    Refusals,
}
