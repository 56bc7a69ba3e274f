using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>Named settings of the RTT attack.</summary>
public static class RelearningPresets
{
    /// <summary>Names of the presets.</summary>
    public static IReadOnlyList<string> Names { get; } = ["llama3-8b", "tiny"];

    /// <summary>A preset's settings; random birthdays, taught rather than known, are attacked at five times the rates.</summary>
    /// <exception cref="HybridException">Config: no such preset.</exception>
    public static RelearningOptions Find(string name, string dataset) => name switch
    {
        // Deeb and Roger 2025: 1e-7·2^k up to 3.2e-6; 5e-7·2^k for random birthdays. Rounding as for unlearning with the preset of this name.
        "llama3-8b" => Make([.. Enumerable.Range(0, 6).Select(k => (dataset == DatasetCatalog.RandomBirthdays ? 5e-7 : 1e-7) * Math.Pow(2, k))], epochs: 6, batchSize: 4, warmup: 24, WeightRounding.Stochastic),
        "tiny" => Make([1e-4, 3e-4], epochs: 4, batchSize: 16, warmup: 0, WeightRounding.MasterWeights),
        _ => throw new HybridException(ErrorKind.Config, $"unknown preset '{name}'; known are {string.Join(", ", Names)}"),
    };

    private static RelearningOptions Make(double[] rates, int epochs, int batchSize, int warmup, WeightRounding rounding) => new()
    {
        Folds = [0, 1, 2, 3, 4],
        LearningRates = rates,
        Epochs = epochs,
        BatchSize = batchSize,
        Form = QuestionForm.QuestionLetterAnswer,
        Leaks = LeakPolicy.LeaveOut,
        Optimizer = new OptimizerOptions { Kind = OptimizerKind.Lion, LearningRate = rates[0], WarmupSteps = warmup, WeightDecay = 0, Rounding = rounding },
    };
}
