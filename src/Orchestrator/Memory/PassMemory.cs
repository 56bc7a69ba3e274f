using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Memory;

/// <summary>
/// What one forward and backward pass takes, followed operation by operation as <see cref="LlamaModel"/>, <see cref="LayerTape"/> and
/// <see cref="Losses"/> compute. Buffers that do not grow with the batch or the model are left out.
/// </summary>
internal sealed class PassMemory
{
    private readonly LlamaConfig config;
    private readonly MemoryTimeline timeline;
    private readonly bool checkpointing;
    private readonly bool padsAttention;
    private readonly int size;
    private readonly int wideSize;

    public PassMemory(LlamaConfig config, ElementType type, Device device, MemoryTimeline timeline, bool checkpointing)
    {
        padsAttention = device != Device.Cpu;
        this.config = config;
        this.timeline = timeline;
        this.checkpointing = checkpointing;
        size = type.Size();
        wideSize = Math.Max(size, ElementType.Float32.Size());
    }

    private long D => config.HiddenSize;

    private long F => config.IntermediateSize;

    /// <summary>Width of the queries, H·E.</summary>
    private long Q => (long)config.Heads * config.HeadDimension;

    /// <summary>Width of the keys, K·E.</summary>
    private long K => (long)config.KeyValueHeads * config.HeadDimension;

    private long VocabularyBytes(int elementSize) => config.VocabularySize * D * elementSize;

    /// <summary>So many layers over a batch, without recording.</summary>
    public void Forward(BatchShape batch, int layers)
    {
        long states = batch.Tokens * D * size;
        Take(states); // what enters
        if (layers > 0)
        {
            Passing(LayerBytes(batch));
            Take(states);
            Passing(LayerBytes(batch)); // what entered the layer before is gone, its result is not
            Take(-states);
        }

        Take(-states);
    }

    /// <summary>A training step, or a batch under density measurement, with gradients of what <paramref name="step"/> says.</summary>
    public void Step(StepShape step)
    {
        long states = step.Batch.Tokens * D * size, selected = step.Batch.Scored * D * size;
        Take(states); // what enters the layers

        // Forward.
        for (int layer = step.FirstLayer; layer < step.EndLayer; layer++)
        {
            Passing(LayerBytes(step.Batch));
            Take(checkpointing ? states : KeptBytes(step, layer));
        }

        if (step.HasHead)
        {
            Head(step, selected, states);
        }
        else
        {
            Take(OnStates(step));
            long larger = Math.Max(step.RetainTokens, step.Batch.Tokens - step.RetainTokens);
            Passing((2 * states) + (larger * D * wideSize)); // gradients of both parts, and of one part's squares
        }

        // Backward; the gradient of what left the last layer is there.
        Take(states);
        for (int layer = step.EndLayer - 1; layer >= step.FirstLayer; layer--)
        {
            LayerBackward(step, layer);
        }

        if (step.TrainsOutside)
        {
            Gradient(VocabularyBytes(size) * (config.TiedEmbeddings ? 2 : 1)); // tied: the head's part waits already, and the sum is a third
            Gradient(-VocabularyBytes(size) * (config.TiedEmbeddings ? 3 : 1));
        }

        Take(-states * 2);
        Take(step.HasHead ? -2 * selected : -OnStates(step));
    }

    /// <summary>Everything that a layer computes, all of which is there until the layer ends.</summary>
    private long LayerBytes(BatchShape batch) => ((batch.Tokens * ((6 * D) + (2 * Q) + (2 * K) + (3 * F))) + (padsAttention ? 8 * Q * batch.Padded : 0)) * size;

    /// <summary>
    /// What attention leaves for backward: queries, keys, values and the result. On GPUs LibTorch computes it, over sequences padded to the longest
    /// and keys and values repeated for every head.
    /// </summary>
    private long AttentionBytes(BatchShape batch) => (padsAttention ? 4 * Q * batch.Padded : ((2 * Q) + (2 * K)) * batch.Tokens) * size;

    /// <summary>What a recorded layer leaves: its result, what backward needs, and the inputs of matrices whose gradients are wanted.</summary>
    private long KeptBytes(StepShape step, int layer)
    {
        if (IsOutputOnly(step, layer))
        {
            return step.Batch.Tokens * (D + F) * size;
        }

        long inputs = step.PartOf(layer) switch { LayerPart.None => 0, LayerPart.FeedForwardOutput => F, _ => (2 * D) + F };
        long width = (2 * D) + (2 * F) + inputs;
        long statistics = 2 + config.Heads; // of two norms and each head's attention, in the wide type
        return AttentionBytes(step.Batch) + (step.Batch.Tokens * ((width * size) + (statistics * wideSize)));
    }

    /// <summary>Whether nothing of a layer is differentiated but its last product: no gradient goes on below it.</summary>
    private static bool IsOutputOnly(StepShape step, int layer) => layer == step.FirstLayer && step.PartOf(layer) == LayerPart.FeedForwardOutput;

    /// <summary>
    /// What a loss on the hidden states themselves keeps until the step ends: the retain states as they were before, and in the wide type differences and
    /// squares, and copies of narrower states.
    /// </summary>
    private long OnStates(StepShape step)
    {
        long states = step.Batch.Tokens * D, retained = step.RetainTokens * D;
        return (retained * size) + (((2 * states) + (size == wideSize ? 0 : states + retained)) * wideSize);
    }

    private long LayerParameterBytes => (D + (D * Q) + (2 * D * K) + (Q * D) + D + (3 * D * F)) * size;

    private void Head(StepShape step, long selected, long states)
    {
        long rows = Losses.LogitRows((int)step.Batch.Scored, config.VocabularySize);
        bool kept = rows >= step.Batch.Scored;
        long logits = Math.Min(rows, step.Batch.Scored) * config.VocabularySize;
        Take(2 * selected); // the rows that predict, and their norms; they stay until the step ends
        Take(logits * wideSize);
        if (!kept)
        {
            Take(-logits * wideSize);
        }

        // Backward.
        Take(selected);
        long matrix = step.TrainsOutside ? VocabularyBytes(wideSize) : 0;
        Gradient(matrix);
        if (!kept)
        {
            Take(logits * wideSize);
        }

        Passing((size == wideSize ? 0 : logits * size) + (rows * D * size));
        Take(-logits * wideSize);
        if (step.TrainsOutside && size != wideSize)
        {
            Gradient(VocabularyBytes(size));
            Gradient(-matrix);
        }

        Passing(selected + states); // the norm's gradient, and that of all rows
        Take(-selected);
        if (step.TrainsOutside && !config.TiedEmbeddings)
        {
            Gradient(-VocabularyBytes(size)); // used and freed
        }
    }

    private void LayerBackward(StepShape step, int layer)
    {
        long T = step.Batch.Tokens, kept = KeptBytes(step, layer), states = T * D * size;
        LayerPart part = step.PartOf(layer);
        bool all = part == LayerPart.All, down = part is LayerPart.All or LayerPart.FeedForwardOutput;
        if (checkpointing)
        {
            Take(kept);
            Passing(LayerBytes(step.Batch) - kept + (T * (2 + config.Heads) * wideSize));
        }

        long left = kept;
        if (IsOutputOnly(step, layer))
        {
            Gradient(D * F * size);
            Gradient(-D * F * size);
            Take(checkpointing ? -states - left : -left);
            return;
        }

        Take(T * F * size);                                        // gradient of the feed-forward's inner values
        Gradient(down ? D * F * size : 0);
        if (part != LayerPart.None)
        {
            Release(T * F * size);
        }

        Take(2 * T * F * size);                                    // of gate and up
        Release(2 * T * F * size);
        Take(-T * F * size);
        Take(states);                                              // of what was normed, by up
        Gradient(all ? D * F * size : 0);
        Take(-T * F * size);
        Passing(states);                                           // the same by gate
        Gradient(all ? D * F * size : 0);
        Take(-T * F * size);
        if (part is LayerPart.All or LayerPart.Density)
        {
            Release(states);
        }

        Take(states);                                              // through the norm
        Take(-states);
        Release(states);
        Passing(states);                                           // with what went past the feed-forward
        Take(T * Q * size);                                        // of attention's result
        Gradient(all ? D * Q * size : 0);
        Take(T * (Q + (2 * K)) * size);                            // of queries, keys, values
        Passing(padsAttention ? 4 * Q * step.Batch.Padded * size : 0);
        Release(AttentionBytes(step.Batch));
        Take(-T * Q * size);
        Passing(2 * states);                                       // of what was normed, by each
        Gradient(all ? ((D * Q) + (2 * D * K) + (2 * D)) * size : 0);
        Take(-T * (Q + (2 * K)) * size);
        Take(states);                                              // through the norm: of what entered
        Take(-states * 2);                                         // the gradient that came, and what was summed on the way
        Gradient(all ? -LayerParameterBytes : down ? -D * F * size : 0); // used and freed
        Take(checkpointing ? -states - left : -left);              // with what entered, where only that was kept

        void Release(long bytes)
        {
            Take(-bytes);
            left -= bytes;
        }
    }

    private void Take(long bytes) => timeline.Take(MemoryKind.Activations, bytes);

    private void Gradient(long bytes) => timeline.Take(MemoryKind.Gradients, bytes);

    /// <summary>Taken and given back at once.</summary>
    private void Passing(long bytes)
    {
        Take(bytes);
        Take(-bytes);
    }
}
