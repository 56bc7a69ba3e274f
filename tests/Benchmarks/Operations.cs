using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks;

/// <summary>Elements of a model's matrices, from which bounds are counted: a product with one costs two operations an element and row.</summary>
internal static class Operations
{
    /// <summary>A layer's seven matrices.</summary>
    public static long LayerMatrices(LlamaConfig shape)
    {
        long d = shape.HiddenSize, q = (long)shape.Heads * shape.HeadDimension;
        return AttentionInputMatrices(shape) + (d * q) + (3 * d * shape.IntermediateSize);
    }

    /// <summary>Its three matrices that make queries, keys and values.</summary>
    public static long AttentionInputMatrices(LlamaConfig shape) => (long)shape.HiddenSize * (shape.Heads + (2 * shape.KeyValueHeads)) * shape.HeadDimension;

    /// <summary>The output matrix.</summary>
    public static long HeadMatrix(LlamaConfig shape) => (long)shape.HiddenSize * shape.VocabularySize;
}
