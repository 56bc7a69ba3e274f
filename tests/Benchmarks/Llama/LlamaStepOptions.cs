using Hybrid.Interop;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>How a step trains, and what that costs in memory: the one place to change when training needs less.</summary>
internal sealed record LlamaStepOptions
{
    /// <summary>Lion with a warm-up-free rate at which some steps show in the loss of float32.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>α of gradient difference.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Forget examples a step, and as many retain examples; also the attack's examples a step, and density's a pass.</summary>
    public required int BatchSize { get; init; }

    /// <summary>KUnBR's preset, at a rate of its own.</summary>
    public static LlamaStepOptions Preset
    {
        get
        {
            GradientDifferenceOptions preset = WmdpLengths.KUnBR.PreUnlearning;
            return new() { Optimizer = preset.Optimizer with { LearningRate = 1e-5, WarmupSteps = 0 }, RetainCoefficient = preset.RetainCoefficient, BatchSize = preset.BatchSize };
        }
    }

    /// <summary>Bytes that a trained parameter needs beside its weight: the gradient, Lion's float32 momentum, and a float32 master copy of a 16-bit weight.</summary>
    public static int TrainedBytes(ElementType type) => type.Size() + (type == ElementType.Float32 ? 4 : 8);

    /// <summary>Bytes that Lion's update moves for a parameter: the gradient is read, momentum and float32 weight are read and written, a 16-bit weight is written.</summary>
    public static double UpdateBytes(ElementType type) => type == ElementType.Float32 ? 4 + 8 + 8 : 2 + 2 + 8 + 8;

    /// <summary>What the tables say of the optimizer's state.</summary>
    public static string Describe(ElementType type) => type == ElementType.Float32 ? "float32 Lion" : "Lion with float32 masters and momenta";
}
