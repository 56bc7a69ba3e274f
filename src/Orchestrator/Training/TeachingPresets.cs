using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>What `hybrid learn` and the demo make from nothing: a model with its tokenizer, and a way of teaching.</summary>
/// <param name="Shape">The architecture. Its vocabulary size is the most tokens that the byte-level BPE learned from the data may have.</param>
/// <param name="Teaching">How it is taught.</param>
public sealed record TeachingPreset(LlamaConfig Shape, TeachingOptions Teaching);

/// <summary>Named presets for teaching.</summary>
public static class TeachingPresets
{
    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["tiny"];

    /// <summary>Finds a preset.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static TeachingPreset Find(string name) => name == "tiny"
        ? Tiny
        : throw new HybridException(ErrorKind.Config, $"unknown preset '{name}'; known are {string.Join(", ", Names)}");

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
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.AdamW, LearningRate = 3e-3, WarmupSteps = 24, WeightDecay = 0 },
        });
}
