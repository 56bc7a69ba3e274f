using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>Makes an untrained model: normal weights, norms at one, residual outputs scaled down with depth as in GPT-2.</summary>
internal static class ModelInitializer
{
    /// <summary>Standard deviation of the weights times √D: 0.02 at D = 1024, as usual, and 0.08 at D = 64, where 0.02 learns slowly.</summary>
    private const double ScaledDeviation = 0.64;

    /// <summary>A float32 model on the CPU; the same seed gives the same bits.</summary>
    public static LlamaModel Create(LlamaConfig config, SeededRandom random) => Create(config, random, ElementType.Float32, Device.Cpu);

    /// <summary>The same numbers rounded to an element type, on a device; of the model in float32 one tensor exists at a time.</summary>
    public static LlamaModel Create(LlamaConfig config, SeededRandom random, ElementType type, Device device)
    {
        using TensorScope outside = TensorScope.Outside();
        var parameters = new List<KeyValuePair<string, Tensor>>();
        foreach ((string name, long[] shape) in ParameterNames.All(config))
        {
            float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
            if (shape.Length == 1)
            {
                Array.Fill(values, 1f);
            }
            else
            {
                bool writesResidual = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
                double scale = ScaledDeviation / Math.Sqrt(config.HiddenSize) * (writesResidual ? 1 / Math.Sqrt(2.0 * config.Layers) : 1);
                SeededRandom stream = random.Fork(name);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = (float)(scale * stream.NextGaussian());
                }
            }

            using var made = Tensor.From<float>(values, shape, Device.Cpu);
            parameters.Add(new(name, made.CloneTo(type, device)));
        }

        return new LlamaModel(config, parameters);
    }
}
