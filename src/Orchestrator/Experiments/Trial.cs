using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>One setting of one method for one seed.</summary>
/// <param name="World">The seed.</param>
/// <param name="Plan">The method.</param>
/// <param name="Index">Position of the setting among the method's candidates.</param>
/// <param name="Original">Fingerprint of the original model.</param>
internal sealed record Trial(SeedWorld World, MethodPlan Plan, int Index, string Original)
{
    public Candidate Candidate => Plan.Candidates[Index];

    /// <summary>Of everything that the unlearned model depends on.</summary>
    public string Fingerprint => JobStore.Fingerprint("unlearn", Original, SettingsYaml.ToObject(Candidate.Settings), Candidate.Settings.Options.GetType().Assembly.GetName().Version!.ToString());

    public string JobPrefix => $"{World.Prefix}/{Slug}";

    public string ModelFolder => World.ModelPath(Slug);

    /// <summary>For people.</summary>
    public string Label => Plan.Candidates.Count == 1 ? $"{World.Prefix} · {Plan.Label}" : $"{World.Prefix} · {Plan.Label} {Index + 1}/{Plan.Candidates.Count}";

    /// <summary>Every setting of every method for every seed, seed by seed.</summary>
    public static Trial[] All(ExperimentSettings settings, IReadOnlyList<SeedWorld> worlds, OriginalStage originals) =>
    [
        .. from world in worlds
           let original = originals.FingerprintOf(world) // looks at every file of the dataset
           from plan in settings.Methods
           from index in Enumerable.Range(0, plan.Candidates.Count)
           select new Trial(world, plan, index, original),
    ];

    /// <summary>Names its jobs and its model: <c>kunbr-2</c>; the number only where there are several.</summary>
    public string Slug => Plan.Candidates.Count == 1 ? Plan.Slug : FormattableString.Invariant($"{Plan.Slug}-{Index + 1}");
}

/// <summary>A trial that has unlearned and was measured, and how it was judged.</summary>
internal sealed class Outcome(Trial trial, UnlearnResult unlearned)
{
    public Trial Trial { get; } = trial;

    public UnlearnResult Unlearned { get; } = unlearned;

    /// <summary>What it answers; null until it is known, and where there is no model.</summary>
    public MeasureResult? Measured { get; set; }

    /// <summary>Why there are no figures, where there are none.</summary>
    public string? Diverged => Unlearned.Diverged ?? Measured?.Diverged;

    /// <summary>Accuracy on the retain questions.</summary>
    public double Retain => HitString.Accuracy(Measured!.RetainHits);

    /// <summary>A_RTT on the tuning folds; null where it had no rival.</summary>
    public double? TuningRtt { get; set; }

    public bool Picked { get; set; }

    /// <summary>Whether a picked one met the rule.</summary>
    public bool KeptRetain { get; set; }
}

/// <summary>A picked trial with everything that the attacks found.</summary>
internal sealed record AttackedTrial(Outcome Outcome, RelearningReport Rtt, IReadOnlyList<QuantizationHits> Quantization, RelearningReport? RetainRelearning, UtilityScores? Utility, IReadOnlyList<MetricValue> Metrics, IReadOnlyList<OwnAttackHits> OwnAttacks, CaseAnswers? Cases);
