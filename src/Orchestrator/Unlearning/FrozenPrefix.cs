using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// The original model's hidden states at the input of the blocks that are re-inserted. Below a grafted block every layer is the original
/// model's and frozen, whichever block it is, so each example passes through those layers once a run, not once an epoch and block; what the
/// store has no room for is computed again.
/// </summary>
/// <param name="original">The model; layers below the one asked for must be its own whenever states are asked for.</param>
/// <param name="store">Where states are kept; the prefix owns it.</param>
internal sealed class FrozenPrefix(LlamaModel original, HiddenStateStore store) : IDisposable
{
    private int[] boundaries = [];

    /// <summary>Says which layers states will be asked for at, so that one pass through the model serves all of them.</summary>
    public void Expect(IEnumerable<int> layers) => boundaries = [.. layers.Where(layer => layer > 0).Distinct().Order()];

    /// <summary>Hidden states [T,D] that enter the layer, for the sequences packed in order.</summary>
    public Tensor States(IReadOnlyList<TokenSequence> sequences, int layer)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        if (layer == 0)
        {
            return scope.Keep(original.Embed(new PackedBatch(sequences))); // cheaper than keeping
        }

        var states = new Dictionary<TokenSequence, Tensor>(ReferenceEqualityComparer.Instance);
        foreach (IGrouping<int, TokenSequence> group in sequences.Distinct<TokenSequence>(ReferenceEqualityComparer.Instance).GroupBy(sequence => HighestKept(sequence, layer)))
        {
            if (group.Key == layer)
            {
                foreach (TokenSequence sequence in group)
                {
                    states[sequence] = store.Find(sequence, layer)!;
                }
            }
            else
            {
                Compute([.. group], group.Key, layer, states);
            }
        }

        return scope.Keep(Tensor.Concatenate([.. sequences.Select(sequence => states[sequence])], 0));
    }

    /// <summary>
    /// Does what <see cref="States"/> would leave behind, where a run goes on and the process that asked is gone. The same sequences in the same
    /// order are needed: a state's last bits depend on the batch that it was computed in.
    /// </summary>
    public void Refill(IReadOnlyList<TokenSequence> sequences, int layer)
    {
        if (sequences.Any(Leaves))
        {
            using TensorScope scope = TensorScope.Begin();
            States(sequences, layer);
        }

        bool Leaves(TokenSequence sequence)
        {
            long bytes = (long)sequence.Ids.Length * original.Config.HiddenSize * original[ParameterNames.Embedding].ElementType.Size();
            int highest = HighestKept(sequence, layer);
            return boundaries.Append(layer).Any(boundary => boundary > highest && boundary <= layer) && store.HasRoomFor(bytes);
        }
    }

    /// <summary>Frees what is kept.</summary>
    public void Dispose() => store.Dispose();

    /// <summary>The highest boundary up to the layer at which the sequence's states are kept; 0 where there is none.</summary>
    private int HighestKept(TokenSequence sequence, int layer) =>
        boundaries.Append(layer).Where(boundary => boundary <= layer && store.Has(sequence, boundary)).DefaultIfEmpty(0).Max();

    /// <summary>Takes the sequences from one layer's input to another's, keeping their states at every boundary on the way.</summary>
    private void Compute(TokenSequence[] sequences, int from, int to, Dictionary<TokenSequence, Tensor> results)
    {
        var batch = new PackedBatch(sequences);
        Tensor hidden = from == 0 ? original.Embed(batch) : Tensor.Concatenate([.. sequences.Select(sequence => store.Find(sequence, from)!)], 0);
        int at = from;
        foreach (int boundary in boundaries.Append(to).Where(boundary => boundary > from && boundary <= to).Distinct().Order())
        {
            hidden = original.RunLayers(hidden, batch, at, boundary);
            at = boundary;
            for (int b = 0; b < sequences.Length; b++)
            {
                Tensor rows = hidden.Narrow(0, batch.Offsets[b], sequences[b].Ids.Length);
                store.Keep(sequences[b], boundary, rows);
                results[sequences[b]] = rows;
            }
        }
    }
}
