using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks;

/// <summary>A random model of a size with random examples, in memory and in a folder that the peer reads: both sides do the same work.</summary>
internal sealed class Workload : IDisposable
{
    private readonly Dictionary<ElementType, LlamaModel> models = [];

    public Workload(WorkSize size, string folder)
    {
        Size = size;
        Folder = Directory.CreateDirectory(Path.Combine(folder, size.Name)).FullName;
        var random = new SeededRandom(1);
        models[ElementType.Float32] = ModelInitializer.Create(size.Shape, random.Fork("weights"));
        SeededRandom tokens = random.Fork("tokens");
        Examples = [.. Enumerable.Range(0, size.Examples).Select(_ => RandomExample(size, tokens))];
        SaveForPeer();
    }

    public WorkSize Size { get; }

    public string Folder { get; }

    public IReadOnlyList<TokenSequence> Examples { get; }

    public IReadOnlyList<TokenSequence> DensityExamples => [.. Examples.Take(WorkSize.DensityExamples)];

    public IReadOnlyList<TokenSequence> Forget => [.. Examples.Take(Size.Batch)];

    public IReadOnlyList<TokenSequence> Retain => [.. Examples.Skip(Size.Batch).Take(Size.Batch)];

    /// <summary>The model in an element type.</summary>
    public LlamaModel Model(ElementType type)
    {
        if (!models.TryGetValue(type, out LlamaModel? model))
        {
            models[type] = model = Copy(type);
        }

        return model;
    }

    /// <summary>A copy, for work that changes it.</summary>
    public LlamaModel Copy(ElementType type)
    {
        using TensorScope outside = TensorScope.Outside();
        LlamaModel source = models[ElementType.Float32];
        return new LlamaModel(source.Config, source.Names.Select(name => KeyValuePair.Create(name, Copy(source[name], type))).ToArray());
    }

    private static Tensor Copy(Tensor tensor, ElementType type)
    {
        Tensor copy = Tensor.Zeros(tensor.Shape, type, Device.Cpu);
        copy.CopyFrom(tensor);
        return copy;
    }

    public static long Tokens(IEnumerable<TokenSequence> examples) => examples.Sum(example => (long)example.Ids.Length);

    public void Dispose()
    {
        foreach (LlamaModel model in models.Values)
        {
            model.Dispose();
        }
    }

    private static TokenSequence RandomExample(WorkSize size, SeededRandom random)
    {
        long[] ids = new long[size.Shortest + random.NextInt(size.Longest - size.Shortest + 1)];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = random.NextInt(size.Shape.VocabularySize);
        }

        return new TokenSequence(ids, 1);
    }

    private void SaveForPeer()
    {
        LlamaConfig shape = Size.Shape;
        var config = new
        {
            hidden = shape.HiddenSize,
            ffn = shape.IntermediateSize,
            layers = shape.Layers,
            heads = shape.Heads,
            kv_heads = shape.KeyValueHeads,
            head_dim = shape.HeadDimension,
            vocabulary = shape.VocabularySize,
            epsilon = shape.RmsNormEpsilon,
            theta = shape.RopeTheta,
        };
        var examples = Examples.Select(example => new { ids = example.Ids.ToArray(), first_scored = example.ScoredPositions[0] });
        File.WriteAllText(Path.Combine(Folder, "work.json"), JsonSerializer.Serialize(new { config, examples, batch = Size.Batch }));
        LlamaModel model = models[ElementType.Float32];
        SafetensorsFile.Write(Path.Combine(Folder, "model.safetensors"), [.. model.Names.Select(name => new KeyValuePair<string, Tensor>(name, model[name]))], []);
    }
}
