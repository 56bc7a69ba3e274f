namespace Hybrid.Orchestrator.Evaluation;

/// <summary>Why decoding ended.</summary>
internal enum StopReason
{
    /// <summary>At end-of-text or a stop token.</summary>
    StopToken,

    /// <summary>At a stop text, which was cut away, or after the text matched.</summary>
    StopText,

    /// <summary>As many tokens as were allowed.</summary>
    MaximumTokens,

    /// <summary>The model has no further position.</summary>
    LastPosition,

    /// <summary>Whoever asked did not want more.</summary>
    Interrupted,
}

/// <summary>What a model said after a prompt.</summary>
/// <param name="Text">Without prompt and special tokens, cut at the first stop text.</param>
/// <param name="Tokens">The ids that were decoded, a stop text's among them, a stop token's not.</param>
/// <param name="StopReason">Why there are no more.</param>
internal sealed record Completion(string Text, IReadOnlyList<int> Tokens, StopReason StopReason);
