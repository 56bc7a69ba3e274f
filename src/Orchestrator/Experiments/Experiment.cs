using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>
/// A whole experiment: for every seed a model that knows the facts, every setting of every method unlearned, the pick by one rule on the
/// tuning folds, and every attack on what was picked. Each piece is a job whose result is kept; running again does only what is missing.
/// </summary>
internal sealed class Experiment
{
    /// <summary>The folder with TensorBoard's files in a run folder.</summary>
    public const string EventsFolder = "events";

    private readonly ExperimentSettings settings;
    private readonly string folder;
    private readonly JobStore store;
    private readonly JobRunner runner;
    private readonly SeedWorld[] worlds;
    private readonly OriginalStage originals;
    private readonly UnlearnStage unlearning;
    private readonly MeasureStage measuring;
    private readonly AttackStage attacks;
    private readonly UtilityStage utility;
    private readonly MetricStage metrics;
    private Trial[] trials = [];

    /// <summary>Prepares it; nothing is read or written yet.</summary>
    /// <param name="settings">The experiment.</param>
    /// <param name="registry">What it calls by name.</param>
    /// <param name="device">Where models live.</param>
    /// <param name="folder">Where results and models are kept.</param>
    /// <param name="progress">Told of every step of every job, one at a time.</param>
    /// <param name="checkpointInterval">Time between two checkpoints of a job under way.</param>
    /// <param name="logger">Told of every phase and job.</param>
    /// <param name="cancellation">Stops between two steps; what is done by then is kept.</param>
    public Experiment(ExperimentSettings settings, HybridRegistry registry, Device device, RunFolder folder, IProgress<TrainingProgress>? progress, TimeSpan checkpointInterval, ILogger logger, CancellationToken cancellation)
    {
        var counted = new CountedProgress(progress);
        this.settings = settings;
        this.folder = folder.FullPath;
        store = new JobStore(folder.FullPath);
        runner = new JobRunner(store, folder, counted, settings.Jobs, settings.Threads, checkpointInterval, logger, cancellation);
        worlds = [.. settings.Seeds.Select(seed => new SeedWorld(settings, registry, seed, device, folder.FullPath))];
        originals = new OriginalStage(settings, counted);
        unlearning = new UnlearnStage(settings, counted, folder.FullPath);
        measuring = new MeasureStage(settings);
        attacks = new AttackStage(settings, registry, counted);
        utility = new UtilityStage(settings, counted, folder.FullPath);
        metrics = new MetricStage(settings, registry);
    }

    /// <summary>What it reads: the given model, the dataset, the utility suite's tasks. What it writes and is to come out the same again: jobs' results, models, the report's data.</summary>
    public RunFiles Files => new(
        () => [.. worlds[0].InputFiles, .. settings.Utility.Suite?.Files ?? []],
        () =>
        [
            .. store.Used,
            .. worlds.Select(world => world.OriginalFolder).Where(_ => settings.Model.Teach is not null)
                .Concat(trials.Select(trial => trial.ModelFolder)).Where(Directory.Exists).SelectMany(Directory.EnumerateFiles),
            .. new[] { Path.Combine(folder, ResultsFile.Name) }.Where(File.Exists),
        ]);

    /// <summary>Runs what is missing, and gathers everything.</summary>
    /// <exception cref="HybridException">Diverged: every setting of a method diverged. Config: methods differ in their steps, or there is no such fold. What the stages throw.</exception>
    public ExperimentReport Run()
    {
        DateTime started = DateTime.UtcNow;
        ExperimentPlan.RequireSound(settings, worlds[0].Dataset);

        runner.Run("teaching", [.. worlds.SelectMany(originals.Teaching)]);
        Job<OriginalResult>[] known = [.. worlds.Select(originals.Measuring)];
        Job<UtilityScores>[][] able = [.. worlds.Select(world => utility.Original(world, originals.FingerprintOf(world)).ToArray())];
        Job<MetricValue>[][] figures = [.. worlds.Select(world => metrics.Original(world, originals.FingerprintOf(world)).ToArray())];
        RequireOriginals(worlds.Where((_, w) => !runner.IsDone(known[w]) || !able[w].All(runner.IsDone) || !figures[w].All(runner.IsDone)));
        IReadOnlyList<OriginalResult> before = runner.Run("original models", known);
        IReadOnlyList<UtilityScores> scores = runner.Run("utility of the original models", [.. able.SelectMany(jobs => jobs)]);
        IReadOnlyList<IReadOnlyList<MetricValue>> measured = runner.RunGroups("metrics of the original models", figures);

        trials = Trial.All(settings, worlds, originals);
        Outcome[] outcomes = Unlearn(trials);
        Tune(outcomes);
        Outcome[] picked = [.. worlds.SelectMany((world, w) => settings.Methods.Select(plan => Pick([.. outcomes.Where(outcome => outcome.Trial.World == world && outcome.Trial.Plan == plan)], before[w])))];
        IReadOnlyList<AttackedTrial> attacked = Attack(picked);
        DeleteModels(trials.Except(picked.Select(outcome => outcome.Trial)));
        return new ReportBuilder(settings, worlds).Build(before, scores, measured, attacked, outcomes, started, runner.Seconds);
    }

    /// <summary>Unlearns with every setting, and asks every model.</summary>
    private Outcome[] Unlearn(Trial[] trials)
    {
        Job<UnlearnResult>[] jobs = [.. trials.Select(unlearning.JobFor)];
        RequireOriginals(trials.Where((_, i) => !runner.IsDone(jobs[i])).Select(trial => trial.World));
        Outcome[] outcomes = [.. trials.Zip(runner.Run("unlearning", jobs), (trial, result) => new Outcome(trial, result))];

        Outcome[] whole = [.. outcomes.Where(outcome => outcome.Diverged is null)];
        Job<MeasureResult>[] questions = [.. whole.Select(outcome => measuring.JobFor(outcome.Trial))];
        RequireModels(whole.Where((_, i) => !runner.IsDone(questions[i])));
        foreach ((Outcome outcome, MeasureResult result) in whole.Zip(runner.Run("measuring", questions)))
        {
            outcome.Measured = result;
        }

        return outcomes;
    }

    /// <summary>Attacks every setting that has a rival on the tuning folds.</summary>
    private void Tune(Outcome[] outcomes)
    {
        Outcome[] rivals = [.. outcomes.Where(outcome => outcome.Trial.Plan.Candidates.Count > 1 && outcome.Diverged is null)];
        Job<RelearningCurve>[][] jobs = [.. rivals.Select(outcome => attacks.Rtt(outcome.Trial, settings.Selection!.TuningFolds).ToArray())];
        RequireModels(rivals.Where((_, i) => !jobs[i].All(runner.IsDone)));
        foreach ((Outcome rival, IReadOnlyList<RelearningCurve> curves) in rivals.Zip(runner.RunGroups("attacks to pick settings by", jobs)))
        {
            rival.TuningRtt = ReportOf(rival, curves).Accuracy;
        }
    }

    /// <summary>The setting of one method and seed that the rule picks.</summary>
    private Outcome Pick(Outcome[] outcomes, OriginalResult before)
    {
        Outcome[] sound = [.. outcomes.Where(outcome => outcome.Diverged is null)];
        if (sound.Length == 0)
        {
            throw new HybridException(ErrorKind.Diverged, $"{outcomes[0].Trial.Plan.Label}, seed {outcomes[0].Trial.World.Seed}: every setting diverged; other settings can be given, or the method taken out, and what is finished is kept: {outcomes[0].Diverged}");
        }

        double retainBefore = HitString.Accuracy(before.RetainHits), allowed = settings.Selection?.AllowedRetainLoss ?? 1;
        Judged best = Selection.Pick([.. sound.Select(outcome => new Judged(outcome.Trial.Index, outcome.Retain, outcome.TuningRtt ?? 0))], retainBefore, allowed);
        Outcome picked = sound.First(outcome => outcome.Trial.Index == best.Index);
        picked.Picked = true;
        picked.KeptRetain = Selection.Keeps(best.Retain, retainBefore, allowed);
        return picked;
    }

    /// <summary>Every attack on every picked model, and what else it can do.</summary>
    private IReadOnlyList<AttackedTrial> Attack(Outcome[] picked)
    {
        Job<RelearningCurve>[][] rtt = [.. picked.Select(outcome => attacks.Rtt(outcome.Trial, settings.Attacks.Rtt.Folds).ToArray())];
        Job<QuantizationHits>[][] quantization = [.. picked.Select(outcome => attacks.Quantization(outcome.Trial).ToArray())];
        Job<RelearningCurve>[][] relearning = [.. picked.Select(outcome => attacks.RetainRelearning(outcome.Trial).ToArray())];
        Job<UtilityScores>[][] able = [.. picked.Select(outcome => utility.Unlearned(outcome.Trial).ToArray())];
        Job<MetricValue>[][] figures = [.. picked.Select(outcome => metrics.Unlearned(outcome.Trial).ToArray())];
        Job<OwnAttackHits>[][] own = [.. picked.Select(outcome => attacks.Own(outcome.Trial).ToArray())];
        RequireModels(picked.Where((_, i) => !rtt[i].All(runner.IsDone) || !quantization[i].All(runner.IsDone) || !relearning[i].All(runner.IsDone) || !able[i].All(runner.IsDone)
            || !figures[i].All(runner.IsDone) || !own[i].All(runner.IsDone)));

        RelearningReport[] reports = [.. picked.Zip(runner.RunGroups("RTT", rtt), ReportOf)];
        IReadOnlyList<IReadOnlyList<QuantizationHits>> rounded = runner.RunGroups("quantization", quantization);
        IReadOnlyList<IReadOnlyList<RelearningCurve>> relearned = runner.RunGroups("relearning on retain text", relearning);

        IReadOnlyList<IReadOnlyList<OwnAttackHits>> hits = runner.RunGroups("own attacks", own);
        IReadOnlyList<IReadOnlyList<UtilityScores>> scores = runner.RunGroups("utility", able);
        IReadOnlyList<IReadOnlyList<MetricValue>> measured = runner.RunGroups("metrics", figures);

        Job<CaseAnswers>[][] cases = [.. picked.Select((outcome, i) => outcome.Trial.World == worlds[0] ? attacks.Cases(outcome.Trial, reports[i]).ToArray() : [])];
        RequireModels(picked.Where((_, i) => !cases[i].All(runner.IsDone)));
        IReadOnlyList<IReadOnlyList<CaseAnswers>> answers = runner.RunGroups("free answers", cases);

        return
        [
            .. picked.Select((outcome, i) => new AttackedTrial(
                outcome, reports[i], rounded[i], relearned[i].Count == 0 ? null : ReportOf(outcome, relearned[i]), scores[i].SingleOrDefault(), measured[i], hits[i], answers[i].SingleOrDefault())),
        ];
    }

    /// <summary>An attack's report; where it has none, every rate having diverged, the error says whose.</summary>
    private static RelearningReport ReportOf(Outcome outcome, IReadOnlyList<RelearningCurve> curves)
    {
        try
        {
            return new RelearningReport(curves, []);
        }
        catch (HybridException error)
        {
            throw new HybridException(error.Kind, $"{outcome.Trial.Label}: {error.Message}", error);
        }
    }

    /// <summary>Makes models again that are needed and no longer there: those that were not picked are deleted at the end of a run.</summary>
    private void RequireModels(IEnumerable<Outcome> outcomes)
    {
        Trial[] absent = [.. outcomes.Select(outcome => outcome.Trial).Where(trial => !Directory.Exists(trial.ModelFolder))];
        RequireOriginals(absent.Select(trial => trial.World));
        runner.RunAll("unlearning again", [.. absent.Select(unlearning.JobFor)]);
    }

    /// <summary>Teaches models again that are needed and no longer there.</summary>
    private void RequireOriginals(IEnumerable<SeedWorld> needed) =>
        runner.RunAll("teaching again", [.. needed.Distinct().Where(world => !Directory.Exists(world.OriginalFolder)).SelectMany(originals.Teaching)]);

    private static void DeleteModels(IEnumerable<Trial> trials)
    {
        foreach (Trial trial in trials.Where(trial => Directory.Exists(trial.ModelFolder)))
        {
            Directory.Delete(trial.ModelFolder, recursive: true);
        }
    }
}
