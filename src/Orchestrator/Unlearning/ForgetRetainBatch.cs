using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Forget examples followed by retain examples, packed as one batch.</summary>
internal sealed class ForgetRetainBatch(IReadOnlyList<TokenSequence> forget, IReadOnlyList<TokenSequence> retain)
{
    /// <summary>The sequences, forget first.</summary>
    public IReadOnlyList<TokenSequence> Sequences { get; } = [.. forget, .. retain];

    /// <summary>The sequences packed.</summary>
    public PackedBatch Packed { get; } = new([.. forget, .. retain]);

    /// <summary>How many of the scored tokens, the first ones, are the forget examples'.</summary>
    public int ForgetTokens { get; } = forget.Sum(sequence => sequence.ScoredPositions.Count);
}
