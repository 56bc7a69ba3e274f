using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// Knowledge density (KUnBR, equations 2 and 3): K_l = mean over examples of ‖∇_{θ_l} L‖₁, L the example's mean NLL over its scored tokens and
/// θ_l the parameters of decoder layer l. The norm is of each example's own gradient; it is reduced inside one batched backward pass.
/// </summary>
public static class KnowledgeDensity
{
    /// <summary>The stage's name in progress; no parameter moves in it.</summary>
    public const string Stage = "density";

    /// <summary>K of every layer, [L], not normalised. The model's parameters do not change, and which of them are trainable does not matter.</summary>
    /// <param name="model">The model.</param>
    /// <param name="examples">The forget set; each example needs a scored token.</param>
    /// <param name="mlpOnly">Count the MLP's three matrices only.</param>
    /// <param name="batchSize">Examples a pass.</param>
    /// <param name="progress">Told after every batch; the loss is the batch's mean example loss.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="HybridException">EmptySplit: no example. Diverged: a density is not finite.</exception>
    public static double[] Measure(LlamaModel model, IReadOnlyList<TokenSequence> examples, bool mlpOnly, int batchSize, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (examples.Count == 0)
        {
            throw new HybridException(ErrorKind.EmptySplit, "no example to measure knowledge density on");
        }

        if (examples.Any(example => example.ScoredPositions.Count == 0))
        {
            throw new ArgumentException("an example has no scored token, hence no loss", nameof(examples));
        }

        double[] sums = new double[model.Config.Layers];
        int done = 0, batches = BatchSampler.StepsPerEpoch(examples.Count, batchSize);
        foreach (TokenSequence[] batch in examples.Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            double loss = AddBatch(model, new PackedBatch(batch), mlpOnly, sums);
            progress?.Report(new TrainingProgress(Stage, ++done, batches, loss / batch.Length));
        }

        double[] density = [.. sums.Select(sum => sum / examples.Count)];
        return density.All(double.IsFinite) ? density : throw new HybridException(ErrorKind.Diverged, "the knowledge density is not finite: the model's gradients are broken");
    }

    /// <summary>K / ΣK.</summary>
    public static double[] Normalize(IReadOnlyList<double> density)
    {
        double total = density.Sum();
        if (!(total > 0))
        {
            throw new HybridException(ErrorKind.Diverged, "the knowledge density is zero in every layer: no gradient reaches them");
        }

        return [.. density.Select(value => value / total)];
    }

    /// <summary>Adds each layer's norms over the batch's examples to the sums; returns the sum of the example losses.</summary>
    private static double AddBatch(LlamaModel model, PackedBatch batch, bool mlpOnly, double[] sums)
    {
        using TensorScope scope = TensorScope.Begin();
        using var accumulator = new DensityAccumulator(batch.Offsets, model.Config.Layers);
        using LayerTape tape = model.Record([]); // norms are measured on the way; no gradient of a parameter is wanted

        // The embedding is cut off here and made the graph's leaf: what lies below the layers is not measured.
        Tensor embedded = model.Embed(batch).Detach();
        embedded.RequiresGrad = true;
        Tensor hidden = model.RunLayers(embedded, batch, 0, model.Config.Layers, new DensityProbe(accumulator, mlpOnly));
        Tensor nll = Losses.TokenNll(model, hidden, batch);                                                      // [N]
        Tensor loss = (nll * Tensor.From<double>(ExampleMeanWeights(batch)).To(nll.ElementType, nll.Device)).Sum(); // Σ_b mean NLL of b
        tape.Backward(loss, _ => { });

        double[,] norms = accumulator.Values();
        for (int example = 0; example < batch.Count; example++)
        {
            for (int layer = 0; layer < sums.Length; layer++)
            {
                sums[layer] += norms[example, layer];
            }
        }

        return loss.Item();
    }

    /// <summary>1/n for each of an example's n scored tokens, so that the batch's loss is the sum of its examples' means.</summary>
    private static double[] ExampleMeanWeights(PackedBatch batch)
    {
        double[] weights = new double[batch.Targets.Length];
        for (int example = 0; example < batch.Count; example++)
        {
            (long first, long end) = (batch.ScoredOffsets[example], batch.ScoredOffsets[example + 1]);
            Array.Fill(weights, 1.0 / (end - first), (int)first, (int)(end - first));
        }

        return weights;
    }
}
