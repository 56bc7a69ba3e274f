using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Benchmarks;

/// <summary>A random model of a size with random examples, in memory and in a folder that the peer reads: both sides do the same work.</summary>
internal sealed class Workload : IDisposable
{
    private readonly Dictionary<ElementType, LlamaModel> models = [];

    public Workload(WorkSize size, Device device, string folder)
    {
        Device = device;
        Size = size;
        Folder = Directory.CreateDirectory(Path.Combine(folder, size.Name)).FullName;
        var random = new SeededRandom(1);
        using (LlamaModel made = ModelInitializer.Create(size.Shape, random.Fork("weights")))
        {
            models[ElementType.Float32] = made.Clone(ElementType.Float32, device);
        }

        SeededRandom tokens = random.Fork("tokens");
        Examples = [.. Enumerable.Range(0, size.Examples).Select(_ => RandomExample(size, tokens))];
        SaveForPeer();
    }

    public WorkSize Size { get; }

    public Device Device { get; }

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
    public LlamaModel Copy(ElementType type) => models[ElementType.Float32].Clone(type, Device);

    /// <summary>Seconds of work on the model, to the end of what it started on the device.</summary>
    public double Time(LlamaModel model, Action work) => Interleaved.Time(() =>
    {
        work();
        if (Device != Device.Cpu)
        {
            using TensorScope scope = TensorScope.Begin();
            using GradMode off = GradMode.Off();
            model[ParameterNames.FinalNorm].ToDoubles(); // a copy to the host waits for the device
        }
    });

    /// <summary>How parameters move wherever a benchmark trains.</summary>
    public static OptimizerOptions Lion(double rate) => new() { Kind = OptimizerKind.Lion, LearningRate = rate, WarmupSteps = 0, WeightDecay = 0 };

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
