using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Runs;

/// <summary>Settings of the demo. Every method gets the same number of passes and the same grid.</summary>
public sealed record DemoOptions
{
    /// <summary>People to forget; as many are retained.</summary>
    public required int People { get; init; }

    /// <summary>The model and how it is taught.</summary>
    public required TeachingPreset Preset { get; init; }

    /// <summary>Settings of each method, of which α and the learning rate are replaced by the grid's.</summary>
    public required IReadOnlyList<UnlearningSettings> Methods { get; init; }

    /// <summary>α values to try.</summary>
    public required IReadOnlyList<double> RetainCoefficients { get; init; }

    /// <summary>Learning rates to try.</summary>
    public required IReadOnlyList<double> LearningRates { get; init; }

    /// <summary>The attack; its folds are replaced by the two lists below.</summary>
    public required RelearningOptions Attack { get; init; }

    /// <summary>Folds that settings are picked on.</summary>
    public required IReadOnlyList<int> TuningFolds { get; init; }

    /// <summary>Folds that the picked settings are reported on.</summary>
    public required IReadOnlyList<int> ReportingFolds { get; init; }

    /// <summary>How far retain accuracy may fall: 0.05 is five points.</summary>
    public required double AllowedRetainLoss { get; init; }

    /// <summary>The demo as `hybrid demo` runs it.</summary>
    public static DemoOptions Standard { get; } = new()
    {
        People = 157,
        Preset = TeachingPresets.Find("tiny"),
        Methods = [UnlearningPresets.Find("tiny", MethodKind.Gd), UnlearningPresets.Find("tiny", MethodKind.Kunbr)],
        RetainCoefficients = [2, 4, 8],
        LearningRates = [3e-4, 6e-4],
        Attack = RelearningPresets.Find("tiny", DatasetCatalog.RandomBirthdays),
        TuningFolds = [0, 1],
        ReportingFolds = [2, 3, 4],
        AllowedRetainLoss = 0.05,
    };
}
