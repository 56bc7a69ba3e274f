using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

/// <summary>Small models and sequences for tests, and what is asked of them again and again.</summary>
internal static class TestModels
{
    /// <summary>A tiny architecture with grouped heads.</summary>
    public static LlamaConfig Config(int layers = 2, int hidden = 8, int vocabulary = 23, bool tied = false, RopeScaling? scaling = null) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = hidden * 3 / 2,
        Layers = layers,
        Heads = 2,
        KeyValueHeads = 1,
        HeadDimension = hidden / 2,
        VocabularySize = vocabulary,
        RmsNormEpsilon = 1e-5,
        RopeTheta = 100,
        RopeScaling = scaling,
        MaximumPositions = 64,
        TiedEmbeddings = tied,
    };

    /// <summary>A model whose every weight matters: matrices of deviation 0.3, norms about one.</summary>
    public static LlamaModel Make(LlamaConfig config, ulong seed, ElementType type = ElementType.Float64)
    {
        using TensorScope outside = TensorScope.Outside();
        var parameters = new List<KeyValuePair<string, Tensor>>();
        foreach ((string name, long[] shape) in ParameterNames.All(config))
        {
            SeededRandom random = new SeededRandom(seed).Fork(name);
            double[] values = new double[shape.Aggregate(1L, (product, size) => product * size)];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = shape.Length == 1 ? 1 + (0.2 * random.NextGaussian()) : 0.3 * random.NextGaussian();
            }

            using Tensor wide = Tensor.From<double>(values, shape, Device.Cpu);
            parameters.Add(new(name, type == ElementType.Float64 ? wide.Clone() : wide.To(type, Device.Cpu)));
        }

        return new LlamaModel(config, parameters);
    }

    /// <summary>Sequences of 3 to 9 tokens, scored from a random position on.</summary>
    public static TokenSequence[] Sequences(int count, int vocabulary, ulong seed)
    {
        var random = new SeededRandom(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(_ =>
            {
                long[] ids = [.. Enumerable.Range(0, 3 + random.NextInt(7)).Select(_ => (long)random.NextInt(vocabulary))];
                return new TokenSequence(ids, 1 + random.NextInt(ids.Length - 1));
            }),
        ];
    }

    /// <summary>Logits of every token, [T,V] row-major.</summary>
    public static double[] Logits(LlamaModel model, params IReadOnlyList<TokenSequence> sequences)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        return model.Logits(model.HiddenStates(new PackedBatch(sequences))).ToDoubles();
    }

    /// <summary>Names of the parameters that are not the same bits in both.</summary>
    public static string[] Changed(LlamaModel one, LlamaModel other)
    {
        Assert.Equal(one.Names, other.Names);
        return [.. one.Names.Where(name => one[name].CountDifferent(other[name]) > 0)];
    }

    /// <summary>The largest difference between parameters of two models.</summary>
    public static double Distance(LlamaModel one, LlamaModel other) =>
        one.Names.Max(name => one[name].ToDoubles().Zip(other[name].ToDoubles(), (a, b) => Math.Abs(a - b)).Max());

    /// <summary>Names of the parameters of layers first … end−1.</summary>
    public static string[] LayerNames(int first, int end) =>
        [.. Enumerable.Range(first, end - first).SelectMany(layer => ParameterNames.LayerParts.Select(part => ParameterNames.Layer(layer, part)))];

    /// <summary>Gradients of a loss with respect to the named parameters, by name; no gradient is an array of zeros.</summary>
    public static Dictionary<string, double[]> Gradients(LlamaModel model, IReadOnlyList<string> names, Func<Tensor> loss)
    {
        using TensorScope scope = TensorScope.Begin();
        model.SetTrainable(names);
        Tensor?[] gradients = Autograd.Gradients(loss(), [.. names.Select(name => model[name])]);
        return names.Select((name, i) => (name, values: gradients[i]?.ToDoubles() ?? new double[model[name].Count])).ToDictionary(entry => entry.name, entry => entry.values);
    }

    /// <summary>The value of a loss, nothing recorded.</summary>
    public static double Value(Func<Tensor> loss)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        return loss().Item();
    }

    /// <summary>Overwrites a float64 or float32 parameter.</summary>
    public static void Set(LlamaModel model, string name, double[] values)
    {
        using TensorScope scope = TensorScope.Begin();
        model[name].CopyFrom(Tensor.From<double>(values, model[name].Shape, Device.Cpu).To(model[name].ElementType, Device.Cpu));
    }

    /// <summary>An optimizer without warm-up or decay unless asked.</summary>
    public static OptimizerOptions Optimizer(OptimizerKind kind, double rate, int warmupSteps = 0, double weightDecay = 0) =>
        new() { Kind = kind, LearningRate = rate, WarmupSteps = warmupSteps, WeightDecay = weightDecay };

    /// <summary>Asserts that two lists agree to a share of the second's largest magnitude.</summary>
    public static void AssertClose(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance, string what = "values")
    {
        Assert.Equal(expected.Count, actual.Count);
        double largest = expected.Select(Math.Abs).DefaultIfEmpty(0).Max();
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"{what}: element {i} is {actual[i]:R}, {expected[i]:R} is expected; the largest magnitude is {largest:R}");
        }
    }
}
