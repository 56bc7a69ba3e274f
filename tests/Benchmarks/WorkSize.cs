using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks;

/// <summary>A model's shape and a batch of it.</summary>
/// <param name="Name">How tables call it.</param>
/// <param name="Shape">The model.</param>
/// <param name="Batch">Examples a batch; a gradient difference step has as many of the forget set and of the retain set.</param>
/// <param name="Shortest">Tokens of the shortest example.</param>
/// <param name="Longest">Tokens of the longest.</param>
internal sealed record WorkSize(string Name, LlamaConfig Shape, int Batch, int Shortest, int Longest)
{
    /// <summary>Examples that a density measurement takes.</summary>
    public const int DensityExamples = 64;

    /// <summary>Those for two cores.</summary>
    public static readonly IReadOnlyList<WorkSize> Cpu =
    [
        new("S", Llama(8, 256, 8, 4, 688, 512), 16, 64, 64),
        new("T", Llama(8, 64, 2, 1, 168, 758), 64, 41, 41),
        new("W", Llama(4, 1024, 16, 4, 2816, 4096), 8, 128, 128),
        new("mix", Llama(8, 256, 8, 4, 688, 512), 16, 8, 64),
    ];

    /// <summary>Those that fill a GPU: a small model, and four layers of Llama-3-8B's shapes.</summary>
    public static readonly IReadOnlyList<WorkSize> Gpu =
    [
        new("G", Llama(8, 1024, 16, 4, 2816, 4096), 64, 128, 128),
        new("L", Llama(4, 4096, 32, 8, 14336, 32000), 8, 64, 512),
    ];

    /// <summary>Examples made for it: enough for a density measurement and for a step.</summary>
    public int Examples => Math.Max(DensityExamples, 2 * Batch);

    /// <summary>Operations of the linear layers in forward and backward of this many tokens: each product thrice, as output and as two gradients.</summary>
    public double TrainingOperations(long tokens) => 6.0 * tokens * ((Shape.Layers * Operations.LayerMatrices(Shape)) + Operations.HeadMatrix(Shape));

    /// <summary>The same for a density measurement, which leaves out the output matrix's own gradient.</summary>
    public double DensityOperations(long tokens) => tokens * ((6.0 * Shape.Layers * Operations.LayerMatrices(Shape)) + (4.0 * Operations.HeadMatrix(Shape)));

    private static LlamaConfig Llama(int layers, int hidden, int heads, int keyValueHeads, int feedForward, int vocabulary) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = feedForward,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDimension = hidden / heads,
        VocabularySize = vocabulary,
        RmsNormEpsilon = 1e-5,
        RopeTheta = 10000,
        MaximumPositions = 512,
        TiedEmbeddings = false,
    };
}
