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
    private static UnlearningSettings Llama3(MethodKind method)
    {
        GradientDifferenceOptions gd = Difference(alpha: method == MethodKind.Kunbr ? 0.1 : 1, epochs: 1, batchSize: 4, rate: 1.5e-7, warmup: 24);
        return Settings(method, ExampleForm.Corpus, gd, Reinsertion(gd, selected: 6));
    }

    /// <summary>For the eight-layer model of `hybrid learn --preset tiny`: 12 passes for every method; values found by measuring (docs/architecture.md).</summary>
    private static UnlearningSettings Tiny(MethodKind method)
    {
        GradientDifferenceOptions gd = method == MethodKind.Kunbr
            ? Difference(alpha: 8, epochs: 10, batchSize: 16, rate: 3e-4, warmup: 4)
            : Difference(alpha: 2, epochs: 12, batchSize: 16, rate: 3e-4, warmup: 4);
        return Settings(method, ExampleForm.LetterAnswer, gd, Reinsertion(gd, selected: 2));
    }

    private static UnlearningSettings Settings(MethodKind method, ExampleForm retainForm, GradientDifferenceOptions gd, KUnBROptions kunbr) => new()
    {
        Method = method,
        ForgetForm = ExampleForm.LetterAnswer,
        RetainForm = retainForm,
        MaximumTokens = ExampleEncoder.UsualMaximumTokens,
        Gd = method == MethodKind.Gd ? gd : null,
        Kunbr = method == MethodKind.Kunbr ? kunbr : null,
    };

    private static GradientDifferenceOptions Difference(double alpha, int epochs, int batchSize, double rate, int warmup) => new()
    {
        RetainCoefficient = alpha,
        Epochs = epochs,
        BatchSize = batchSize,
        Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = rate, WarmupSteps = warmup, WeightDecay = 0 },
    };

    private static KUnBROptions Reinsertion(GradientDifferenceOptions preUnlearning, int selected) => new()
    {
        PreUnlearning = preUnlearning,
        Blocks = 8,
        SelectedBlocks = selected,
        Strategy = BlockStrategy.Density,
        IgnoreHeadLayers = 3,
        EpochsPerBlock = 1,
        Rounds = 1,
        Reestimate = DensityReestimate.EachRound,
        MlpOnly = false,
        PrefixMemoryBytes = 2L << 30,
        PrefixFileBytes = 8L << 30,
        Reinsert = true,
        PreUnlearn = true,
    };
}
