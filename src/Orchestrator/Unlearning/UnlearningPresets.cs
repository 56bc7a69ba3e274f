using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Named settings: the papers', and ones for the small models that a laptop can teach.</summary>
public static class UnlearningPresets
{
    private const long PrefixMemory = 2L << 30;
    private const long PrefixFile = 8L << 30;

    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["llama3-8b", "tiny"];

    /// <summary>Names of the methods, each of which every preset has.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. Tiny().Select(options => options.Method)];

    /// <summary>A preset's settings for a method.</summary>
    /// <exception cref="HybridException">Config: no such preset, or no such method.</exception>
    public static UnlearningSettings Find(string name, string method) => With(name, PresetOf(name).Methods.FirstOrDefault(options => options.Method == method)
        ?? throw new HybridException(ErrorKind.Config, $"unknown method '{method}'; known are {string.Join(", ", Methods)}"));

    /// <summary>A preset's settings with options that need not be the preset's, such as those of a method of one's own.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static UnlearningSettings With(string name, IMethodOptions options) => new()
    {
        Options = options,
        ForgetForm = ExampleForm.LetterAnswer,
        RetainForm = PresetOf(name).RetainForm,
        MaximumTokens = ExampleEncoder.UsualMaximumTokens,
    };

    private static (ExampleForm RetainForm, IMethodOptions[] Methods) PresetOf(string name) => name switch
    {
        "llama3-8b" => (ExampleForm.Corpus, Llama3()),
        "tiny" => (ExampleForm.LetterAnswer, Tiny()),
        _ => throw new HybridException(ErrorKind.Config, $"unknown preset '{name}'; known are {string.Join(", ", Names)}"),
    };

    /// <summary>
    /// KUnBR's Appendix D, for Llama-3-8B-Instruct: 32 layers in 8 blocks, 6 of them re-inserted, the last 3 layers ignored. The appendix gives
    /// no number of passes; one for each stage is the least that visits every fact. RMU's layer and coefficient c are Li et al.'s for 7B. What the
    /// appendix lacks has NPO's learning rate: SimNPO with its authors' β, γ and weights for 5 % of TOFU, DPO with its paper's β and α 1.
    /// Bfloat16 weights are rounded stochastically: with master copies and float32 momenta, training all parameters takes more than a GPU of 80 GB.
    /// </summary>
    private static IMethodOptions[] Llama3()
    {
        const int Epochs = 1, Batch = 4;
        return
        [
            new GradientAscentOptions { Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(2.5e-7) },
            new GradientDifferenceOptions { RetainCoefficient = 1, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(1.5e-7) },
            Steering(layer: 7, length: 6.5, alpha: 10, Epochs, Batch, Lion(1e-6)),
            new RiaOptions { RetainCoefficient = 2, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(2.5e-7) },
            new NpoOptions { Beta = 0.1, RetainCoefficient = 0, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(8e-7) },
            new SimNpoOptions { Beta = 2.5, Gamma = 0, RetainCoefficient = 7.3, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(8e-7) },
            new DpoOptions { Beta = 0.1, RetainCoefficient = 1, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(8e-7) },
            Reinsertion(new() { RetainCoefficient = 0.1, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(1.5e-7) }, selected: 6),
        ];

        static OptimizerOptions Lion(double rate) => LionAt(rate, warmup: 24, WeightRounding.Stochastic);
    }

    /// <summary>For the eight-layer model of `hybrid learn --preset tiny`: 12 passes for every method; values found by measuring (docs/architecture.md).</summary>
    private static IMethodOptions[] Tiny()
    {
        const int Epochs = 12, Batch = 16;
        return
        [
            new GradientAscentOptions { Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(1e-5) },
            new GradientDifferenceOptions { RetainCoefficient = 2, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(3e-4) },
            Steering(layer: 2, length: 20, alpha: 20, Epochs, Batch, Lion(3e-3)),
            new RiaOptions { RetainCoefficient = 2, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(3e-4) },
            new NpoOptions { Beta = 0.5, RetainCoefficient = 4, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(3e-4) },
            new SimNpoOptions { Beta = 1, Gamma = 0, RetainCoefficient = 1, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(6e-4) },
            new DpoOptions { Beta = 0.5, RetainCoefficient = 1, Epochs = Epochs, BatchSize = Batch, Optimizer = Lion(1.2e-3) },
            Reinsertion(new() { RetainCoefficient = 8, Epochs = 10, BatchSize = Batch, Optimizer = Lion(3e-4) }, selected: 2),
        ];

        static OptimizerOptions Lion(double rate) => LionAt(rate, warmup: 4, WeightRounding.MasterWeights);
    }

    private static OptimizerOptions LionAt(double rate, int warmup, WeightRounding rounding) =>
        new() { Kind = OptimizerKind.Lion, LearningRate = rate, WarmupSteps = warmup, WeightDecay = 0, Rounding = rounding };

    private static RmuOptions Steering(int layer, double length, double alpha, int epochs, int batchSize, OptimizerOptions optimizer) => new()
    {
        Layer = layer,
        SteeringCoefficient = length,
        RetainCoefficient = alpha,
        Epochs = epochs,
        BatchSize = batchSize,
        Optimizer = optimizer,
        PrefixMemoryBytes = PrefixMemory,
        PrefixFileBytes = PrefixFile,
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
        PrefixMemoryBytes = PrefixMemory,
        PrefixFileBytes = PrefixFile,
        Reinsert = true,
        PreUnlearn = true,
    };
}
