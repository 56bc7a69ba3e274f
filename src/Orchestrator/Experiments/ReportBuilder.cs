using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A picked setting with everything that was found of it.</summary>
internal sealed record PickedTrial(Trial Trial, bool KeptRetain, UnlearnResult Unlearned, RelearningReport Rtt);

/// <summary>A setting that was tried.</summary>
internal sealed record TriedTrial(Trial Trial, UnlearnResult Unlearned, double? TuningRtt, bool Picked);

/// <summary>Makes the report of an experiment from the results of its jobs.</summary>
internal sealed class ReportBuilder(ExperimentSettings settings, IReadOnlyList<SeedWorld> worlds)
{
    private const ulong BootstrapSeed = 1;

    /// <summary>The report; <paramref name="picked"/> holds every method of every seed, seed by seed.</summary>
    public ExperimentReport Build(IReadOnlyList<OriginalResult> originals, IReadOnlyList<PickedTrial> picked, IReadOnlyList<TriedTrial> tried, DateTime started, double computeSeconds) => new()
    {
        Name = settings.Name,
        Title = settings.Title,
        Dataset = worlds[0].Dataset.Name + (settings.Dataset.People is { } people ? $" ({people} people made up to forget, {people} to retain)" : string.Empty),
        Model = settings.Model.Folder ?? $"preset {settings.Model.Teach}, taught the dataset",
        Parameters = originals[0].Parameters,
        Layers = originals[0].Density.Count,
        Seeds = settings.Seeds,
        Chance = 1.0 / MultipleChoiceQuestion.ChoiceCount,
        ForgetQuestions = worlds[0].ForgetQuestions.Length,
        RetainQuestions = worlds[0].Dataset.RetainQuestions.Count,
        Selection = settings.Selection is { } rule ? new SelectionFacts(rule.AllowedRetainLoss, rule.TuningFolds, settings.Methods[0].Candidates.Count) : null,
        ReportingFolds = settings.Attacks.Rtt.Folds,
        ForgetBefore = FoldFigure([.. originals.Select(original => original.HeldOutHits)]),
        RetainBefore = FoldFigure([.. originals.Select(original => (IReadOnlyList<string>)[original.RetainHits])]),
        Density = Mean([.. originals.Select(original => original.Density)]),
        Methods = [.. settings.Methods.Select(plan => MethodOf(plan, originals, [.. picked.Where(pick => pick.Trial.Plan == plan)], [.. tried.Where(trial => trial.Trial.Plan == plan)]))],
        Cases = [],
        Provenance = new Provenance(
            typeof(ReportBuilder).Assembly.GetName().Version!.ToString(3),
            Runtime.BuildInfo,
            Environment.Version.ToString(),
            Runs.Machine.Description,
            $"{settings.Device}, {settings.Dtype}",
            settings.Jobs,
            settings.Threads,
            started,
            computeSeconds,
            ExperimentYaml.Write(settings)),
    };

    private MethodReport MethodOf(MethodPlan plan, IReadOnlyList<OriginalResult> originals, PickedTrial[] picked, TriedTrial[] tried)
    {
        (double Rate, int Epoch)[] best = [.. picked.Select(pick => (pick.Rtt.BestLearningRate, pick.Rtt.BestEpoch))];
        IReadOnlyList<string>[] before = [.. picked.Select(pick => HitsAt(pick.Rtt, pick.Rtt.BestLearningRate, 0))];
        IReadOnlyList<string>[] after = [.. picked.Select((pick, i) => HitsAt(pick.Rtt, best[i].Rate, best[i].Epoch))];
        Figure forget = FoldFigure(before);
        return new MethodReport
        {
            Label = plan.Label,
            Method = plan.Settings.MethodName,
            Picked =
            [
                .. picked.Select((pick, i) => new PickedSetting(
                    pick.Trial.World.Seed, pick.Trial.Candidate.Point, pick.KeptRetain, pick.Unlearned.Steps, pick.Unlearned.Seconds, pick.Unlearned.ShareChanged, best[i].Rate, best[i].Epoch)),
            ],
            Forget = forget,
            Rtt = FoldFigure(after),
            RttLast = new Figure([.. picked.Select(pick => pick.Rtt.LastEpochAccuracy)]),
            Recovery = FoldFigure(after, before),
            RecoveryRate = new Figure([.. picked.Select((pick, i) => pick.Rtt.RecoveryRate(originals[i].HeldOutHits.Average(QuestionHits.Share)))]),
            Retain = FoldFigure([.. picked.Select(pick => (IReadOnlyList<string>)[pick.Unlearned.RetainHits])]),
            ForgetCalibrated = new Figure([.. picked.Select(pick => pick.Unlearned.ForgetCalibrated)]),
            RetainTextNll = picked.All(pick => pick.Unlearned.RetainTextNll is not null) ? new Figure([.. picked.Select(pick => pick.Unlearned.RetainTextNll!.Value)]) : null,
            RttCurves = [.. picked.SelectMany(pick => pick.Rtt.Means()).GroupBy(curve => curve.LearningRate).OrderBy(group => group.Key).Select(group => new RateCurve(group.Key, Mean([.. group.Select(curve => curve.Accuracies)])))],
            ForgetByPass = PassMeans([.. picked.Select(pick => pick.Unlearned.Passes)]),
            Losses = picked[0].Unlearned.Losses,
            Quantization = [],
            RetainRelearning = null,
            Rounds = picked[0].Unlearned.Rounds,
            Candidates =
            [
                .. tried.Select(trial => trial.Unlearned.Diverged is { } why
                    ? new CandidateReport(trial.Trial.World.Seed, trial.Trial.Candidate.Point, null, null, null, false, why)
                    : new CandidateReport(trial.Trial.World.Seed, trial.Trial.Candidate.Point, trial.Unlearned.Forget, QuestionHits.Share(trial.Unlearned.RetainHits), trial.TuningRtt, trial.Picked, null)),
            ],
        };
    }

    /// <summary>Hits of each fold at a rate after an epoch; 0 is before the attack.</summary>
    private static IReadOnlyList<string> HitsAt(RelearningReport rtt, double rate, int epoch) =>
        [.. rtt.Curves.Where(curve => curve.LearningRate == rate).OrderBy(curve => curve.Fold).Select(curve => curve.Hits[epoch])];

    /// <summary>A share: for each seed the mean over its groups of the share of hits, less the same of <paramref name="before"/> where given, with the interval over questions.</summary>
    private static Figure FoldFigure(IReadOnlyList<string>[] groups, IReadOnlyList<string>[]? before = null)
    {
        double[] perSeed = [.. groups.Select((seed, s) => seed.Average(QuestionHits.Share) - (before?[s].Average(QuestionHits.Share) ?? 0))];
        (double low, double high) = QuestionHits.Interval([.. groups.SelectMany(seed => seed)], before is null ? null : [.. before.SelectMany(seed => seed)], new SeededRandom(BootstrapSeed));
        return new Figure(perSeed, low, high);
    }

    private static IReadOnlyList<PassPoint> PassMeans(IReadOnlyList<PassPoint>[] seeds) =>
        [.. seeds[0].Select((point, i) => point with { Accuracy = seeds.Average(seed => seed[i].Accuracy) })];

    /// <summary>Element by element; curves that a divergence ended early count as far as they go.</summary>
    private static IReadOnlyList<double> Mean(IReadOnlyList<double>[] rows) =>
        [.. Enumerable.Range(0, rows.Min(row => row.Count)).Select(i => rows.Average(row => row[i]))];
}
