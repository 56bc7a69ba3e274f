using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>How likely a model holds sequences to be; nothing is recorded for gradients.</summary>
internal static class SequenceLikelihood
{
    /// <summary>Sum of each sequence's scored tokens' NLL in nats, in the sequences' order. Every sequence has a scored token.</summary>
    /// <exception cref="HybridException">Diverged: an NLL is not a number.</exception>
    public static double[] SumNll(LlamaModel model, IReadOnlyList<TokenSequence> sequences, int batchSize, CancellationToken cancellation)
    {
        double[] sums = new double[sequences.Count];
        // Sequences of like length share a batch, so that tasks of a batch are of one size.
        foreach (int[] batch in Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Ids.Length).ThenBy(i => i).Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            using GradMode off = GradMode.Off();
            double[] values = Losses.SequenceNll(model, new PackedBatch([.. batch.Select(i => sequences[i])])).ToDoubles();
            for (int row = 0; row < batch.Length; row++)
            {
                sums[batch[row]] = values[row];
            }
        }

        return sums.All(double.IsFinite)
            ? sums
            : throw new HybridException(ErrorKind.Diverged, "the model gives likelihoods that are not numbers");
    }
}
