using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>
/// A whole experiment: for every seed a model that knows the facts, every setting of every method unlearned, the pick by one rule on the
/// tuning folds, and every attack on what was picked. Each piece is a job whose result is kept; running again does only what is missing.
/// </summary>
public sealed class Experiment
{
    /// <summary>The folder with TensorBoard's files in a run folder.</summary>
    public const string EventsFolder = "events";

    private readonly ExperimentSettings settings;
    private readonly JobRunner runner;
    private readonly SeedWorld[] worlds;
    private readonly OriginalStage originals;
    private readonly UnlearnStage unlearning;
    private readonly AttackStage attacks;

    /// <summary>Prepares it; nothing is read or written yet.</summary>
    /// <param name="settings">The experiment.</param>
    /// <param name="device">Where models live.</param>
    /// <param name="folder">Where results and models are kept.</param>
    /// <param name="progress">Told of every step of every job, one at a time.</param>
    /// <param name="cancellation">Stops between two steps; what is finished by then is kept.</param>
    public Experiment(ExperimentSettings settings, Device device, RunFolder folder, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        var counted = new CountedProgress(progress);
        this.settings = settings;
        runner = new JobRunner(new JobStore(folder.FullPath), folder, counted, settings.Jobs, settings.Threads, cancellation);
        worlds = [.. settings.Seeds.Select(seed => new SeedWorld(settings, seed, device, folder.FullPath))];
        originals = new OriginalStage(settings, counted);
        unlearning = new UnlearnStage(settings, counted, folder.FullPath);
        attacks = new AttackStage(settings, counted);
    }

    /// <summary>Runs what is missing, and gathers everything.</summary>
    /// <exception cref="HybridException">Diverged: every setting of a method diverged. Config: methods differ in their steps. What the stages throw.</exception>
    public ExperimentReport Run()
    {
        DateTime started = DateTime.UtcNow;
        ExperimentPlan.RequireEqualSteps(settings, worlds[0].Dataset);

        Job<OriginalResult>[] known = [.. worlds.Select(originals.JobFor)];
        IReadOnlyList<OriginalResult> before = runner.Run("original models", known);

        Trial[] trials = [.. worlds.SelectMany((world, w) => settings.Methods.SelectMany(plan => plan.Candidates.Select((_, index) => new Trial(world, plan, index, known[w].Fingerprint))))];
        Outcome[] outcomes = [.. trials.Zip(runner.Run("unlearning", [.. trials.Select(unlearning.JobFor)]), (trial, result) => new Outcome(trial, result))];
        Tune(outcomes);

        Outcome[] picked = [.. worlds.SelectMany((world, w) => settings.Methods.Select(plan => Pick([.. outcomes.Where(outcome => outcome.Trial.World == world && outcome.Trial.Plan == plan)], before[w])))];
        IReadOnlyList<AttackedTrial> attacked = Attack(picked);
        DeleteModels(trials.Except(picked.Select(outcome => outcome.Trial)));
        return new ReportBuilder(settings, worlds).Build(before, attacked, outcomes, started, runner.Seconds);
    }

    /// <summary>Attacks every setting that has a rival on the tuning folds.</summary>
    private void Tune(Outcome[] outcomes)
    {
        Outcome[] rivals = [.. outcomes.Where(outcome => outcome.Trial.Plan.Candidates.Count > 1 && outcome.Unlearned.Diverged is null)];
        Job<RelearningCurve>[][] jobs = [.. rivals.Select(outcome => attacks.Rtt(outcome.Trial, outcome.Fingerprint, settings.Selection!.TuningFolds).ToArray())];
        RequireModels(rivals.Where((_, i) => !jobs[i].All(runner.IsDone)));
        foreach ((Outcome rival, IReadOnlyList<RelearningCurve> curves) in rivals.Zip(runner.RunGroups("attacks to pick settings by", jobs)))
        {
            rival.TuningRtt = new RelearningReport(curves, []).Accuracy;
        }
    }

    /// <summary>The setting of one method and seed that the rule picks.</summary>
    private Outcome Pick(Outcome[] outcomes, OriginalResult before)
    {
        Outcome[] sound = [.. outcomes.Where(outcome => outcome.Unlearned.Diverged is null)];
        if (sound.Length == 0)
        {
            throw new HybridException(ErrorKind.Diverged, $"{outcomes[0].Trial.Plan.Label}, seed {outcomes[0].Trial.World.Seed}: every setting diverged: {outcomes[0].Unlearned.Diverged}");
        }

        double retainBefore = HitString.Accuracy(before.RetainHits), allowed = settings.Selection?.AllowedRetainLoss ?? 1;
        Judged best = Selection.Pick([.. sound.Select(outcome => new Judged(outcome.Trial.Index, outcome.Retain, outcome.TuningRtt ?? 0))], retainBefore, allowed);
        Outcome picked = sound.First(outcome => outcome.Trial.Index == best.Index);
        picked.Picked = true;
        picked.KeptRetain = Selection.Keeps(best.Retain, retainBefore, allowed);
        return picked;
    }

    /// <summary>Every attack on every picked model.</summary>
    private IReadOnlyList<AttackedTrial> Attack(Outcome[] picked)
    {
        Job<RelearningCurve>[][] rtt = [.. picked.Select(outcome => attacks.Rtt(outcome.Trial, outcome.Fingerprint, settings.Attacks.Rtt.Folds).ToArray())];
        Job<QuantizationHits>[][] quantization = [.. picked.Select(outcome => attacks.Quantization(outcome.Trial, outcome.Fingerprint).ToArray())];
        Job<RelearningCurve>[][] relearning = [.. picked.Select(outcome => attacks.RetainRelearning(outcome.Trial, outcome.Fingerprint).ToArray())];
        RequireModels(picked.Where((_, i) => !rtt[i].All(runner.IsDone) || !quantization[i].All(runner.IsDone) || !relearning[i].All(runner.IsDone)));

        RelearningReport[] reports = [.. runner.RunGroups("RTT", rtt).Select(curves => new RelearningReport(curves, []))];
        IReadOnlyList<IReadOnlyList<QuantizationHits>> rounded = runner.RunGroups("quantization", quantization);
        IReadOnlyList<IReadOnlyList<RelearningCurve>> relearned = runner.RunGroups("relearning on retain text", relearning);

        Job<CaseAnswers>[][] cases = [.. picked.Select((outcome, i) => attacks.Cases(outcome.Trial, outcome.Fingerprint, reports[i]).ToArray())];
        RequireModels(picked.Where((_, i) => !cases[i].All(runner.IsDone)));
        IReadOnlyList<IReadOnlyList<CaseAnswers>> answers = runner.RunGroups("free answers", cases);

        return
        [
            .. picked.Select((outcome, i) => new AttackedTrial(
                outcome, reports[i], rounded[i], relearned[i].Count == 0 ? null : new RelearningReport(relearned[i], []), answers[i].SingleOrDefault())),
        ];
    }

    /// <summary>Makes models again that are needed and no longer there: those that were not picked are deleted at the end of a run.</summary>
    private void RequireModels(IEnumerable<Outcome> outcomes)
    {
        Trial[] absent = [.. outcomes.Select(outcome => outcome.Trial).Where(trial => !Directory.Exists(trial.ModelFolder))];
        runner.RunAll("unlearning again", [.. absent.Select(unlearning.JobFor)]);
    }

    private static void DeleteModels(IEnumerable<Trial> trials)
    {
        foreach (Trial trial in trials.Where(trial => Directory.Exists(trial.ModelFolder)))
        {
            Directory.Delete(trial.ModelFolder, recursive: true);
        }
    }
}
