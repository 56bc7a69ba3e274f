using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Forget examples followed by retain examples, packed as one batch.</summary>
internal sealed class ForgetRetainBatch(IReadOnlyList<TokenSequence> forget, IReadOnlyList<TokenSequence> retain)
{
    /// <summary>Of the examples at these positions of the context's sets.</summary>
    public ForgetRetainBatch(UnlearningContext context, int[] forget, int[] retain)
        : this([.. forget.Select(i => context.Forget[i])], [.. retain.Select(i => context.Retain[i])])
    {
    }

    /// <summary>The sequences, forget first.</summary>
    public IReadOnlyList<TokenSequence> Sequences { get; } = [.. forget, .. retain];

    /// <summary>The sequences packed.</summary>
    public PackedBatch Packed { get; } = new([.. forget, .. retain]);

    /// <summary>How many of the scored tokens, the first ones, are the forget examples'.</summary>
    public int ForgetTokens { get; } = forget.Sum(sequence => sequence.ScoredPositions.Count);

    /// <summary>Bounds of the forget examples' scored tokens among these, one more than there are examples.</summary>
    public long[] ForgetOffsets => Packed.ScoredOffsets[..(forget.Count + 1)];

    /// <summary>The forget examples' part of the token NLLs [N].</summary>
    public Tensor Forget(Tensor tokenNll) => tokenNll.Narrow(0, 0, ForgetTokens);

    /// <summary>The retain examples' part of the token NLLs [N]; null where there is no such example.</summary>
    public Tensor? Retain(Tensor tokenNll) => retain.Count == 0 ? null : tokenNll.Narrow(0, ForgetTokens, Packed.Targets.Length - ForgetTokens);
}
