using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>Makes the report of an experiment from the results of its jobs.</summary>
internal sealed class ReportBuilder(ExperimentSettings settings, IReadOnlyList<SeedWorld> worlds)
{
    private const ulong BootstrapSeed = 1;

    /// <summary>What must have been forgotten for a share of it to mean anything: five points.</summary>
    private const double LeastForgotten = 0.05;

    /// <summary>The report; <paramref name="picked"/> holds every method of every seed, seed by seed.</summary>
    public ExperimentReport Build(IReadOnlyList<OriginalResult> originals, IReadOnlyList<UtilityScores> utility, IReadOnlyList<IReadOnlyList<MetricValue>> metrics, IReadOnlyList<AttackedTrial> picked, IReadOnlyList<Outcome> tried, DateTime started, double computeSeconds) => new()
    {
        Name = settings.Name,
        Title = settings.Title,
        Dataset = worlds[0].Dataset.Name,
        DatasetSource = settings.Dataset.Data ?? settings.Dataset.Folder ?? "made up anew for every seed",
        IsAblation = settings.Methods.Any(plan => plan.Settings.Options is KUnBROptions { Reinsert: false } or KUnBROptions { PreUnlearn: false }),
        Model = ModelText(settings.Model),
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
        RetainTextNllBefore = settings.Utility.RetainTextNll ? new Figure([.. originals.Select(original => original.RetainTextNll!.Value)]) : null,
        UtilityBefore = Figures(utility),
        MetricsBefore = MetricFigures(metrics),
        Density = Mean([.. originals.Select(original => original.Density)]),
        Methods = [.. settings.Methods.Select(plan => MethodOf(plan, originals, [.. picked.Where(pick => pick.Outcome.Trial.Plan == plan)], [.. tried.Where(trial => trial.Trial.Plan == plan)]))],
        Cases = Cases(originals[0], picked),
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

    private MethodReport MethodOf(MethodPlan plan, IReadOnlyList<OriginalResult> originals, AttackedTrial[] picked, Outcome[] tried)
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
                    pick.Outcome.Trial.World.Seed, pick.Outcome.Trial.Candidate.Point, pick.Outcome.KeptRetain, pick.Outcome.Unlearned.Steps, pick.Outcome.Unlearned.Seconds, pick.Outcome.Unlearned.ShareChanged, best[i].Rate, best[i].Epoch)),
            ],
            Forget = forget,
            Rtt = FoldFigure(after),
            RttLast = new Figure([.. picked.Select(pick => pick.Rtt.LastEpochAccuracy)]),
            Recovery = FoldFigure(after, before),
            RecoveryRate = new Figure([.. picked.Select((pick, i) => RecoveryRate(pick.Rtt, originals[i].HeldOutHits.Average(HitString.Accuracy)))]),
            Retain = FoldFigure([.. picked.Select(pick => (IReadOnlyList<string>)[pick.Outcome.Measured!.RetainHits])]),
            ForgetCalibrated = new Figure([.. picked.Select(pick => pick.Outcome.Measured!.ForgetCalibrated)]),
            RetainTextNll = settings.Utility.RetainTextNll ? new Figure([.. picked.Select(pick => pick.Outcome.Measured!.RetainTextNll!.Value)]) : null,
            Utility = Figures([.. picked.Select(pick => pick.Utility).OfType<UtilityScores>()]),
            Metrics = MetricFigures([.. picked.Select(pick => pick.Metrics)]),
            OwnAttacks = (settings.Attacks.Own ?? []).ToDictionary(
                name => name, name => FoldFigure([.. picked.Select(pick => (IReadOnlyList<string>)[.. pick.OwnAttacks.Where(fold => fold.Attack == name).Select(fold => fold.Hits)])])),
            RttCurves = [.. picked.SelectMany(pick => pick.Rtt.Means()).GroupBy(curve => curve.LearningRate).OrderBy(group => group.Key).Select(group => new RateCurve(group.Key, Mean([.. group.Select(curve => curve.Accuracies)])))],
            ForgetByPass = PassMeans([.. picked.Select(pick => pick.Outcome.Unlearned.Passes)]),
            Losses = picked[0].Outcome.Unlearned.Losses,
            Quantization = [.. picked[0].Quantization.Select((first, b) => new QuantizationFigure(
                first.Bits, FoldFigure([.. picked.Select(pick => pick.Quantization[b].HeldOutHits)]), FoldFigure([.. picked.Select(pick => (IReadOnlyList<string>)[pick.Quantization[b].RetainHits])])))],
            RetainRelearning = picked[0].RetainRelearning is null ? null : FoldFigure([.. picked.Select(RelearnedHits)]),
            Rounds = picked[0].Outcome.Unlearned.Rounds,
            Candidates =
            [
                .. tried.Select(trial => trial.Diverged is { } why
                    ? new CandidateReport(trial.Trial.World.Seed, trial.Trial.Candidate.Point, null, null, null, false, why)
                    : new CandidateReport(trial.Trial.World.Seed, trial.Trial.Candidate.Point, trial.Measured!.Forget, trial.Retain, trial.TuningRtt, trial.Picked, null)),
            ],
        };
    }

    /// <summary>Hits on V of each reporting fold after fine-tuning on retain text, at the attacker's best rate and epoch by the mean over folds.</summary>
    private static string ModelText(ModelSettings model) => model switch
    {
        { Teach: null } => model.Folder!,
        { Folder: null } => $"preset {model.Teach}, taught the dataset",
        _ => $"{model.Folder}, taught the dataset with preset {model.Teach}",
    };

    private static IReadOnlyList<string> RelearnedHits(AttackedTrial pick)
    {
        IReadOnlyList<string>[][] folds = [.. pick.RetainRelearning!.Curves.Select(curve => curve.Hits.Select(pick.Outcome.Trial.World.ByFold).ToArray())];
        var report = new RelearningReport(
            [.. folds.SelectMany((epochs, c) => epochs[0].Select((_, fold) => new RelearningCurve(fold, pick.RetainRelearning.Curves[c].LearningRate, [.. epochs.Select(epoch => epoch[fold])], pick.RetainRelearning.Curves[c].Diverged)))], []);
        return HitsAt(report, report.BestLearningRate, report.BestEpoch);
    }

    private static Dictionary<string, Figure> Figures(IReadOnlyList<UtilityScores> seeds) =>
        seeds.Count == 0 ? [] : seeds[0].Scores.Keys.ToDictionary(metric => metric, metric => new Figure([.. seeds.Select(seed => seed.Scores[metric])]));

    /// <summary>Each metric's figure, of values that are, seed by seed, in the order of the settings.</summary>
    private Dictionary<string, Figure> MetricFigures(IReadOnlyList<IReadOnlyList<MetricValue>> seeds) =>
        (settings.Utility.Metrics ?? []).Select((name, m) => (name, m)).ToDictionary(metric => metric.name, metric => new Figure([.. seeds.Select(seed => seed[metric.m].Value)]));

    private static double RecoveryRate(RelearningReport rtt, double original) =>
        original - rtt.AccuracyBefore >= LeastForgotten ? rtt.RecoveryRate(original) : double.NaN;

    /// <summary>The case study, of the first seed.</summary>
    private IReadOnlyList<CaseQuestion> Cases(OriginalResult original, IReadOnlyList<AttackedTrial> picked)
    {
        AttackedTrial[] answered = [.. picked.Where(pick => pick.Outcome.Trial.World == worlds[0] && pick.Cases is not null)];
        return settings.CaseStudy is not { } study ? [] :
        [
            .. worlds[0].CaseQuestions(study).Select((question, q) => new CaseQuestion(
                question.Question,
                question.CorrectChoice,
                original.Answers[q],
                [.. answered.Select(pick => new CaseAnswer(pick.Outcome.Trial.Plan.Label, pick.Cases!.AfterUnlearning[q], pick.Cases.AfterRtt[q]))])),
        ];
    }

    /// <summary>Hits of each fold at a rate after an epoch; 0 is before the attack.</summary>
    private static IReadOnlyList<string> HitsAt(RelearningReport rtt, double rate, int epoch) =>
        [.. rtt.Curves.Where(curve => curve.LearningRate == rate).OrderBy(curve => curve.Fold).Select(curve => curve.Hits[epoch])];

    /// <summary>
    /// A share: for each seed the mean over its groups (folds) of the share of hits, less the same of <paramref name="before"/> where given, with
    /// the interval over questions. Made-up data has other questions for each seed; of files all seeds ask the same ones, which then count once.
    /// </summary>
    private Figure FoldFigure(IReadOnlyList<string>[] groups, IReadOnlyList<string>[]? before = null)
    {
        double[] perSeed = [.. groups.Select((seed, s) => seed.Average(HitString.Accuracy) - (before?[s].Average(HitString.Accuracy) ?? 0))];
        double[][][] values = [.. groups.Select((seed, s) => seed.Select((hits, g) => Values(hits, before?[s][g])).ToArray())];
        double[][] resampled = settings.Dataset.People is not null
            ? [.. values.SelectMany(seed => seed)]
            : [.. values[0].Select((first, g) => first.Select((_, q) => values.Average(seed => seed[g][q])).ToArray())];
        (double low, double high) = Bootstrap.MeanInterval(resampled, Bootstrap.UsualLevel, Bootstrap.UsualResamples, new SeededRandom(BootstrapSeed));
        return new Figure(perSeed, low, high);

        static double[] Values(string hits, string? before)
        {
            bool[] after = HitString.Parse(hits);
            bool[]? earlier = before is null ? null : HitString.Parse(before);
            return [.. after.Select((hit, i) => (hit ? 1.0 : 0) - (earlier?[i] == true ? 1.0 : 0))];
        }
    }

    /// <summary>Pass by pass, those passes that every seed's picked setting has.</summary>
    private static IReadOnlyList<PassPoint> PassMeans(IReadOnlyList<PassPoint>[] seeds) =>
    [
        .. seeds.SelectMany(seed => seed).GroupBy(point => point.Pass).Where(pass => pass.Count() == seeds.Length).OrderBy(pass => pass.Key)
            .Select(pass => pass.First() with { Accuracy = pass.Average(point => point.Accuracy) }),
    ];

    /// <summary>Element by element; curves that a divergence ended early count as far as they go.</summary>
    private static IReadOnlyList<double> Mean(IReadOnlyList<double>[] rows) =>
        [.. Enumerable.Range(0, rows.Min(row => row.Count)).Select(i => rows.Average(row => row[i]))];
}
