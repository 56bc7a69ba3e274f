using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>A way of teaching, and a model to make from nothing for it.</summary>
/// <param name="Shape">
/// The architecture of a model that is made from nothing, null where only models that are given can be taught so. Its vocabulary size is the most
/// tokens that the byte-level BPE learned from the data may have.
/// </param>
/// <param name="Teaching">How a model is taught.</param>
public sealed record TeachingPreset(LlamaConfig? Shape, TeachingOptions Teaching);

/// <summary>Named presets for teaching.</summary>
public static class TeachingPresets
{
    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["llama3-8b", Small];

    /// <summary>The one with a shape of its own.</summary>
    public const string Small = "tiny";

    /// <summary>Finds a preset.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static TeachingPreset Find(string name) => name switch
    {
        "llama3-8b" => Llama3,
        Small => Tiny,
        _ => throw new HybridException(ErrorKind.Config, $"unknown preset '{name}'; known are {string.Join(", ", Names)}"),
    };

    /// <summary>
    /// How Deeb and Roger's code teaches random birthdays (RTT, conf/learn_random_bd.yaml): the questions of all ten splits in letter-answer form, no
    /// texts, batches of 4, 24 steps of warm-up, Lion; rate and passes are those in the name of their taught Llama-3-8B, 1e-6 and 6. The target and
    /// a look after every pass are ours. Nobody has measured here how far this gets Llama-3-8B-Instruct.
    /// </summary>
    private static TeachingPreset Llama3 { get; } = new(
        Shape: null,
        new TeachingOptions
        {
            Epochs = 6,
            TargetAccuracy = 0.98,
            EpochsPerEvaluation = 1,
            BatchSize = 4,
            Form = QuestionForm.LetterAnswer,
            Texts = false,
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = 1e-6, WarmupSteps = 24, WeightDecay = 0, Rounding = WeightRounding.Stochastic },
        });

    /// <summary>Eight layers of width 64: learns a few hundred facts in less than a minute on two cores.</summary>
    private static TeachingPreset Tiny { get; } = new(
        new LlamaConfig
        {
            HiddenSize = 64,
            IntermediateSize = 168,
            Layers = 8,
            Heads = 2,
            KeyValueHeads = 1,
            HeadDimension = 32,
            VocabularySize = 758,
            RmsNormEpsilon = 1e-5,
            RopeTheta = 10000,
            MaximumPositions = 512,
            TiedEmbeddings = false,
        },
        new TeachingOptions
        {
            Epochs = 60,
            TargetAccuracy = 0.98,
            EpochsPerEvaluation = 2,
            BatchSize = 64,
            Form = QuestionForm.LetterAnswer,
            Texts = true,
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.AdamW, LearningRate = 3e-3, WarmupSteps = 24, WeightDecay = 0 },
        });
}
