using System.Text.Json;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks.Llama;

/// <summary>An example as it stands in the work's file.</summary>
/// <param name="Ids">Tokens.</param>
/// <param name="FirstScored">The first scored position; as many as there are tokens where none is.</param>
internal sealed record LlamaExample(long[] Ids, int FirstScored)
{
    public TokenSequence Sequence() => new(Ids, FirstScored);
}

/// <summary>A shape as the work's file names it.</summary>
internal sealed record LlamaFileConfig(int Hidden, int Ffn, int Layers, int Heads, int KvHeads, int HeadDim, int Vocabulary, double Epsilon, double Theta, bool Tied);

/// <summary>What both sides work on: a folder with work.json (this record) and weights.bin, the numbers that every weight is filled from.</summary>
internal sealed record LlamaWork
{
    public const int PromptTokens = 128;

    /// <summary>A prime: rows of a matrix, whose length it does not divide, all differ although the numbers repeat.</summary>
    private const int BlockNumbers = 1_048_583;

    private const string WorkFile = "work.json", WeightFile = "weights.bin";

    public required LlamaFileConfig Config { get; init; }

    /// <summary>Parameter i begins with the block's number i · stride, modulo its length.</summary>
    public required int Stride { get; init; }

    public required LlamaExample[] Forget { get; init; }

    public required LlamaExample[] Retain { get; init; }

    public required LlamaExample[] Attack { get; init; }

    public required LlamaExample[] Questions { get; init; }

    public required LlamaExample[] Prompts { get; init; }

    private static JsonSerializerOptions Json { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Random tokens of the dataset's lengths. Prompts are as many as the largest batch asks for.</summary>
    public static LlamaWork Make(LlamaShape shape, int prompts)
    {
        LlamaConfig c = shape.Config;
        SeededRandom random = new SeededRandom(1).Fork("tokens");
        return new LlamaWork
        {
            Config = new(c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.KeyValueHeads, c.HeadDimension, c.VocabularySize, c.RmsNormEpsilon, c.RopeTheta, c.TiedEmbeddings),
            Stride = 7919,
            Forget = [.. WmdpLengths.Forget.Select(Example)],
            Retain = [.. WmdpLengths.Retain.Select(Example)],
            Attack = [.. WmdpLengths.Attack.Select(Example)],
            Questions = [.. WmdpLengths.Questions.Select(tokens => Example((tokens, 0)))],
            Prompts = [.. Enumerable.Range(0, prompts).Select(_ => Example((PromptTokens, 0)))],
        };

        LlamaExample Example((int Tokens, int Scored) length) =>
            new([.. Enumerable.Range(0, length.Tokens).Select(_ => (long)random.NextInt(c.VocabularySize))], length.Tokens - length.Scored);
    }

    /// <summary>Writes the folder's two files.</summary>
    public void Save(string folder)
    {
        File.WriteAllText(Path.Combine(folder, WorkFile), JsonSerializer.Serialize(this, Json));
        SeededRandom random = new SeededRandom(1).Fork("weights");
        double deviation = 0.64 / Math.Sqrt(Config.Hidden); // as ModelInitializer's
        byte[] block = new byte[2 * BlockNumbers];
        for (int i = 0; i < BlockNumbers; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits((float)(deviation * random.NextGaussian()));
            BitConverter.TryWriteBytes(block.AsSpan(2 * i), (ushort)(bits >> 16)); // the upper half of a float32 is a bfloat16
        }

        File.WriteAllBytes(Path.Combine(folder, WeightFile), block);
    }

    public static LlamaWork Load(string folder) => JsonSerializer.Deserialize<LlamaWork>(File.ReadAllText(Path.Combine(folder, WorkFile)), Json)!;

    /// <summary>The numbers of weights.bin, bfloat16.</summary>
    public static byte[] LoadBlock(string folder) => File.ReadAllBytes(Path.Combine(folder, WeightFile));

    /// <summary>The model's configuration with so many layers.</summary>
    public LlamaConfig ModelConfig(int layers) => new()
    {
        HiddenSize = Config.Hidden,
        IntermediateSize = Config.Ffn,
        Layers = layers,
        Heads = Config.Heads,
        KeyValueHeads = Config.KvHeads,
        HeadDimension = Config.HeadDim,
        VocabularySize = Config.Vocabulary,
        RmsNormEpsilon = Config.Epsilon,
        RopeTheta = Config.Theta,
        MaximumPositions = 8192,
        TiedEmbeddings = Config.Tied,
    };

    /// <summary>So many examples of a set, from its beginning again where there are fewer.</summary>
    public static TokenSequence[] Take(LlamaExample[] set, int count) => [.. Enumerable.Range(0, count).Select(i => set[i % set.Length].Sequence())];
}
