using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// The output of the frozen layers below a grafted block, kept per example: while they are frozen it never changes, so each example passes
/// through them once a graft. Beyond the memory bound nothing more is kept and the rest is recomputed.
/// </summary>
internal sealed class FrozenPrefix(LlamaModel model, int layers, long memoryBytes) : IDisposable
{
    private readonly Dictionary<TokenSequence, Tensor> kept = new(ReferenceEqualityComparer.Instance);
    private long bytesLeft = memoryBytes;

    /// <summary>Hidden states [T,D] that enter layer <c>layers</c>, for the sequences packed in order.</summary>
    public Tensor States(IReadOnlyList<TokenSequence> sequences)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        TokenSequence[] missing = [.. sequences.Where(sequence => !kept.ContainsKey(sequence)).Distinct<TokenSequence>(ReferenceEqualityComparer.Instance)];
        var computed = new Dictionary<TokenSequence, Tensor>(ReferenceEqualityComparer.Instance);
        if (missing.Length > 0)
        {
            var batch = new PackedBatch(missing);
            Tensor states = model.RunLayers(model.Embed(batch), batch, 0, layers);
            for (int b = 0; b < missing.Length; b++)
            {
                computed[missing[b]] = states.Narrow(0, batch.Offsets[b], missing[b].Ids.Length);
            }
        }

        Tensor result = Tensor.Concatenate([.. sequences.Select(sequence => kept.TryGetValue(sequence, out Tensor? tensor) ? tensor : computed[sequence])], 0);
        foreach ((TokenSequence sequence, Tensor states) in computed)
        {
            Keep(sequence, states);
        }

        return scope.Keep(result);
    }

    /// <summary>Frees what is kept.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in kept.Values)
        {
            tensor.Dispose();
        }
    }

    private void Keep(TokenSequence sequence, Tensor states)
    {
        long bytes = states.Count * (states.ElementType switch { ElementType.Float64 => 8, ElementType.Float32 => 4, _ => 2 });
        if (bytes <= bytesLeft)
        {
            bytesLeft -= bytes;
            using TensorScope outside = TensorScope.Outside();
            kept.Add(sequence, states.Clone()); // a view would hold the whole batch
        }
    }
}
