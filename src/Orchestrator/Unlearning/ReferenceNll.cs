using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// What the original model says of each example, for losses that compare with it. Kept as numbers: neither a second model nor a second
/// forward pass a step is needed.
/// </summary>
internal static class ReferenceNll
{
    /// <summary>The stage's name in progress; no parameter moves in it.</summary>
    public const string Stage = "reference";

    /// <summary>NLL of each example, summed over its scored tokens, on the context's model as it is now; nothing is recorded.</summary>
    /// <exception cref="HybridException">Diverged: one is not finite.</exception>
    public static double[] Measure(UnlearningContext context, IReadOnlyList<TokenSequence> examples, int batchSize)
    {
        using GradMode off = GradMode.Off();
        var sums = new List<double>(examples.Count);
        int done = 0, batches = BatchSampler.StepsPerEpoch(examples.Count, batchSize);
        foreach (TokenSequence[] batch in examples.Chunk(batchSize))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            double[] nll = Losses.SequenceNll(context.Model, new PackedBatch(batch)).ToDoubles();
            if (!nll.All(double.IsFinite))
            {
                throw new HybridException(ErrorKind.Diverged, "reference: the model's NLL is not finite before any step; its weights are broken");
            }

            sums.AddRange(nll);
            context.Progress?.Report(new TrainingProgress(Stage, ++done, batches, nll.Average()));
        }

        return [.. sums];
    }

    /// <summary>Numbers of a batch's examples as a tensor [B] of the type and on the device of <paramref name="like"/>.</summary>
    public static Tensor Of(IEnumerable<double> values, Tensor like) => Tensor.From<double>([.. values]).To(like.ElementType, like.Device);
}
