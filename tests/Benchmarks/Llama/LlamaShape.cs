using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks.Llama;

/// <summary>A published model's shape, and what its work costs at least.</summary>
/// <param name="Name">How the command line calls it.</param>
/// <param name="Config">The model. Llama 3.2's scaling of the rotary angles is left out on both sides: it changes numbers, not work.</param>
internal sealed record LlamaShape(string Name, LlamaConfig Config)
{
    public static readonly IReadOnlyList<LlamaShape> All =
    [
        new("llama3-8b", Make(layers: 32, hidden: 4096, heads: 32, keyValueHeads: 8, feedForward: 14336, vocabulary: 128256, tied: false)),
        new("llama3-1b", Make(layers: 16, hidden: 2048, heads: 32, keyValueHeads: 8, feedForward: 8192, vocabulary: 128256, tied: true)),
        new("small", Make(layers: 8, hidden: 64, heads: 4, keyValueHeads: 2, feedForward: 168, vocabulary: 512, tied: false)), // checks the benchmark on a CPU
    ];

    /// <summary>The same with fewer layers.</summary>
    public LlamaShape WithLayers(int layers) => this with { Config = Config with { Layers = layers } };

    /// <summary>
    /// Operations of the matrix products of a training step over T tokens of which S are scored, layers first … last−1 trained, or all
    /// parameters where last is 0: forward from layer <paramref name="from"/>; backward through what lies above the lowest trained matrix.
    /// </summary>
    public double TrainingOperations(long tokens, long scored, int first, int last, int from)
    {
        bool all = last == 0;
        double matrices = Operations.LayerMatrices(Config), head = Operations.HeadMatrix(Config);
        double forward = (Config.Layers - from) * matrices;
        double inputs = (Config.Layers - first) * matrices - (all ? 0 : Operations.AttentionInputMatrices(Config)); // nothing below a block asks for them
        double weights = (all ? Config.Layers : last - first) * matrices;
        return (2.0 * tokens * (forward + inputs + weights)) + (2.0 * scored * head * (all ? 3 : 2));
    }

    /// <summary>Operations of a density measurement: as training, without the output matrix's gradient.</summary>
    public double DensityOperations(long tokens, long scored) =>
        (6.0 * tokens * Config.Layers * Operations.LayerMatrices(Config)) + (4.0 * scored * Operations.HeadMatrix(Config));

    /// <summary>Operations of reading prompts of T tokens in all, of which B rows are projected to logits.</summary>
    public double PromptOperations(long tokens, int batch) =>
        (2.0 * tokens * Config.Layers * Operations.LayerMatrices(Config)) + (2.0 * batch * Operations.HeadMatrix(Config));

    /// <summary>Bytes that decoding moves at least after the prompts are read: every matrix once a step, and the keys and values that are there by then.</summary>
    public double DecodingBytes(int batch, int promptTokens, int newTokens, ElementType type)
    {
        double steps = newTokens - 1; // the prompts' own pass gives the first token
        double weights = (Config.Layers * (double)Operations.LayerMatrices(Config)) + Operations.HeadMatrix(Config);
        double meanLength = promptTokens + (newTokens / 2.0);
        double cache = 2.0 * Config.Layers * batch * meanLength * Config.KeyValueHeads * Config.HeadDimension;
        return steps * (weights + cache) * type.Size();
    }

    private static LlamaConfig Make(int layers, int hidden, int heads, int keyValueHeads, int feedForward, int vocabulary, bool tied) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = feedForward,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDimension = hidden / heads,
        VocabularySize = vocabulary,
        RmsNormEpsilon = 1e-5,
        RopeTheta = 500000,
        MaximumPositions = 8192,
        TiedEmbeddings = tied,
    };
}
