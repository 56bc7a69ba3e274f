using Hybrid.Interop;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>How a step trains, on both sides.</summary>
internal sealed record LlamaStepOptions
{
    /// <summary>Lion with a warm-up-free rate at which some steps show in the loss of float32. bfloat16 weights and momenta are rounded stochastically.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>α of gradient difference.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Forget examples a step, and as many retain examples; also the attack's examples a step, and density's a pass.</summary>
    public required int BatchSize { get; init; }

    /// <summary>KUnBR's preset, at a rate of its own, with the least state: master weights of 8 G parameters do not fit on 80 GB.</summary>
    public static LlamaStepOptions Preset
    {
        get
        {
            GradientDifferenceOptions preset = WmdpLengths.KUnBR.PreUnlearning;
            OptimizerOptions optimizer = preset.Optimizer with { LearningRate = 1e-5, WarmupSteps = 0, Rounding = WeightRounding.Stochastic };
            return new() { Optimizer = optimizer, RetainCoefficient = preset.RetainCoefficient, BatchSize = preset.BatchSize };
        }
    }

    /// <summary>Bytes that Lion's update moves for a parameter: the gradient is read, weight and momentum are read and written, all of one type.</summary>
    public static int UpdateBytes(ElementType type) => 5 * type.Size();

    /// <summary>What the tables say of the optimizer's state.</summary>
    public static string Describe(ElementType type) => type == ElementType.BFloat16 ? "Lion, bfloat16 weights and momenta rounded stochastically" : "Lion, float32";
}
