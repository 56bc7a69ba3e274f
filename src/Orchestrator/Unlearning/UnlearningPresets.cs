using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Named settings: the paper's, and measured ones for the small models that a laptop can teach.</summary>
public static class UnlearningPresets
{
    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["llama3-8b", "tiny"];

    /// <summary>A preset's settings for a method.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static UnlearningSettings Find(string name, MethodKind method) => name switch
    {
        "llama3-8b" => Llama3(method),
        "tiny" => Tiny(method),
        _ => throw new HybridException(ErrorKind.Config, $"unknown preset '{name}'; known are {string.Join(", ", Names)}"),
    };

    /// <summary>
    /// Appendix D, for Llama-3-8B-Instruct: 32 layers in 8 blocks, 6 of them re-inserted, the last 3 layers ignored. The appendix gives no
    /// number of passes; one for each stage is the least that visits every fact.
    /// </summary>
    private static UnlearningSettings Llama3(MethodKind method) => new()
    {
        Method = method,
        ForgetForm = ExampleForm.LetterAnswer,
        RetainForm = ExampleForm.Corpus,
        MaximumTokens = 512,
        GradientDifference = new GradientDifferenceOptions
        {
            RetainCoefficient = method == MethodKind.Kunbr ? 0.1 : 1,
            Epochs = 1,
            BatchSize = 4,
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = 1.5e-7, WarmupSteps = 24, WeightDecay = 0 },
        },
        Reinsertion = Blocks(8, selected: 6),
    };

    /// <summary>For the eight-layer model of `hybrid learn --preset tiny`; chosen by measuring, see docs/architecture.md.</summary>
    private static UnlearningSettings Tiny(MethodKind method) => new()
    {
        Method = method,
        ForgetForm = ExampleForm.LetterAnswer,
        RetainForm = ExampleForm.LetterAnswer,
        MaximumTokens = 512,
        GradientDifference = new GradientDifferenceOptions
        {
            RetainCoefficient = method == MethodKind.Kunbr ? 8 : 2,
            Epochs = method == MethodKind.Kunbr ? 8 : 12,
            BatchSize = 16,
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = 3e-4, WarmupSteps = 4, WeightDecay = 0 },
        },
        Reinsertion = Blocks(8, selected: 4),
    };

    private static ReinsertionOptions Blocks(int blocks, int selected) => new()
    {
        Blocks = blocks,
        SelectedBlocks = selected,
        Strategy = BlockStrategy.Density,
        IgnoreHeadLayers = 3,
        EpochsPerBlock = 1,
        Rounds = 1,
        Reestimate = DensityReestimate.EachRound,
        MlpOnly = false,
        PrefixMemoryBytes = 2L << 30,
        Reinsert = true,
        PreUnlearn = true,
    };
}
