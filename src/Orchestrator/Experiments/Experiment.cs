using System.Diagnostics;
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
    private readonly ExperimentSettings settings;
    private readonly RunFolder folder;
    private readonly JobStore store;
    private readonly CountedProgress progress;
    private readonly CancellationToken cancellation;
    private readonly SeedWorld[] worlds;
    private readonly OriginalStage originals;
    private readonly UnlearnStage unlearning;
    private readonly AttackStage attacks;

    /// <summary>Prepares it; nothing is read or written yet.</summary>
    public Experiment(ExperimentSettings settings, Device device, RunFolder folder, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        this.settings = settings;
        this.folder = folder;
        this.progress = new CountedProgress(progress);
        this.cancellation = cancellation;
        store = new JobStore(folder.FullPath);
        worlds = [.. settings.Seeds.Select(seed => new SeedWorld(settings, seed, device, folder.FullPath))];
        originals = new OriginalStage(settings, this.progress);
        unlearning = new UnlearnStage(settings, this.progress);
        attacks = new AttackStage(settings, this.progress);
    }

    /// <summary>Runs what is missing, and gathers everything.</summary>
    /// <exception cref="HybridException">Diverged: every setting of a method diverged. Config: methods differ in their steps. What the stages throw.</exception>
    public ExperimentReport Run()
    {
        DateTime started = DateTime.UtcNow;
        Job<OriginalResult>[] known = [.. worlds.Select(originals.JobFor)];
        RunMissing("original models", known);
        RequireEqualSteps();

        Trial[] trials = [.. worlds.SelectMany(world => settings.Methods.SelectMany(plan => plan.Candidates.Select((_, index) => new Trial(world, plan, index))))];
        var unlearned = trials.ToDictionary(trial => trial, trial => unlearning.JobFor(trial, known[Array.IndexOf(worlds, trial.World)].Fingerprint));
        RunMissing("unlearning", unlearned.Values);

        Trial[] contested = [.. trials.Where(trial => trial.Plan.Candidates.Count > 1 && Result(unlearned[trial]).Diverged is null)];
        var tuning = contested.ToDictionary(trial => trial, trial => attacks.Rtt(trial, unlearned[trial].Fingerprint, settings.Selection!.TuningFolds).ToArray());
        RunOnModels("attacks that settings are picked by", contested, unlearned, tuning);

        Pick[] picks = [.. worlds.SelectMany((world, w) => settings.Methods.Select(plan => PickOf(world, plan, Result(known[w]))))];
        Trial[] picked = [.. picks.Select(pick => pick.Trial)];
        var final = picked.ToDictionary(trial => trial, trial => attacks.Rtt(trial, unlearned[trial].Fingerprint, settings.Attacks.Rtt.Folds).ToArray());
        RunOnModels("attacks", picked, unlearned, final);
        DeleteModels(trials.Except(picked));

        var gathering = new ReportBuilder(settings, worlds);
        return gathering.Build(
            [.. known.Select(Result)],
            [.. picks.Select(pick => new PickedTrial(pick.Trial, pick.Keeps, Result(unlearned[pick.Trial]), new RelearningReport([.. final[pick.Trial].Select(Result)], [])))],
            [.. trials.Select(trial => new TriedTrial(trial, Result(unlearned[trial]), tuning.TryGetValue(trial, out Job<RelearningCurve>[]? jobs) ? TuningRtt(jobs) : null, picked.Contains(trial)))],
            started,
            ComputeSeconds(known, unlearned.Values, [.. tuning.Values.Concat(final.Values).SelectMany(jobs => jobs)]));

        Pick PickOf(SeedWorld world, MethodPlan plan, OriginalResult original)
        {
            double before = QuestionHits.Share(original.RetainHits), allowed = settings.Selection?.AllowedRetainLoss ?? 0;
            Trial[] sound = [.. trials.Where(trial => trial.World == world && trial.Plan == plan && Result(unlearned[trial]).Diverged is null)];
            if (sound.Length == 0)
            {
                throw new HybridException(ErrorKind.Diverged, $"{plan.Label}, seed {world.Seed}: every setting diverged: {Result(unlearned[trials.First(trial => trial.World == world && trial.Plan == plan)]).Diverged}");
            }

            Judged[] judged = [.. sound.Select(trial => new Judged(trial.Index, QuestionHits.Share(Result(unlearned[trial]).RetainHits), tuning.TryGetValue(trial, out Job<RelearningCurve>[]? jobs) ? TuningRtt(jobs) : 0))];
            Judged best = Selection.Pick(judged, before, allowed);
            return new Pick(sound.First(trial => trial.Index == best.Index), settings.Selection is null || Selection.Keeps(best.Retain, before, allowed));
        }
    }

    private T Result<T>(Job<T> job)
        where T : class => store.Find(job)!.Result;

    private double TuningRtt(Job<RelearningCurve>[] jobs) => new RelearningReport([.. jobs.Select(Result)], []).Accuracy;

    private double ComputeSeconds(IEnumerable<Job<OriginalResult>> known, IEnumerable<Job<UnlearnResult>> unlearned, IEnumerable<Job<RelearningCurve>> attacked) =>
        known.Sum(job => store.Find(job)!.Seconds) + unlearned.Sum(job => store.Find(job)!.Seconds) + attacked.Sum(job => store.Find(job)!.Seconds);

    private void RunMissing<T>(string stage, IEnumerable<Job<T>> jobs)
        where T : class
    {
        Job<T>[] missing = [.. jobs.Where(job => store.Find(job) is null)];
        progress.Begin(stage, missing.Length);
        JobQueue.Run<T>([.. missing.Select<Job<T>, Func<CancellationToken, T>>(job => stop => Finish(job, stop))], Math.Min(settings.Jobs, Math.Max(1, missing.Length)), settings.Threads, cancellation);
    }

    private T Finish<T>(Job<T> job, CancellationToken stop)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        T result = job.Work(stop);
        store.Keep(job, clock.Elapsed.TotalSeconds, result);
        folder.Log("job", new { job.Id, job.Fingerprint, seconds = Math.Round(clock.Elapsed.TotalSeconds, 3) });
        progress.JobDone();
        return result;
    }

    /// <summary>Runs attacks that are missing; a model that one of them needs and that is no longer there is made again first.</summary>
    private void RunOnModels(string stage, Trial[] trials, Dictionary<Trial, Job<UnlearnResult>> unlearned, Dictionary<Trial, Job<RelearningCurve>[]> jobs)
    {
        Trial[] needed = [.. trials.Where(trial => jobs[trial].Any(job => store.Find(job) is null) && !Directory.Exists(trial.ModelFolder))];
        if (needed.Length > 0)
        {
            progress.Begin("unlearning again, for models that were deleted", needed.Length);
            JobQueue.Run<UnlearnResult>([.. needed.Select<Trial, Func<CancellationToken, UnlearnResult>>(trial => stop => Finish(unlearned[trial], stop))], Math.Min(settings.Jobs, needed.Length), settings.Threads, cancellation);
        }

        RunMissing(stage, trials.SelectMany(trial => jobs[trial]));
    }

    /// <summary>Methods that are compared get the same number of optimizer steps, where the experiment says so.</summary>
    private void RequireEqualSteps()
    {
        if (settings.Selection is not { EqualSteps: true })
        {
            return;
        }

        (string Label, int Steps)[] budgets = [.. settings.Methods.SelectMany(plan => plan.Candidates.Select(candidate => (plan.Label, ExperimentPlan.StepsOf(candidate.Settings, worlds[0]))))];
        if (budgets.Select(budget => budget.Steps).Distinct().Count() > 1)
        {
            throw new HybridException(ErrorKind.Config, $"selection.equal-steps: the methods' optimizer steps differ: {string.Join(", ", budgets.Distinct().Select(budget => $"{budget.Label} {budget.Steps}"))}");
        }
    }

    private static void DeleteModels(IEnumerable<Trial> trials)
    {
        foreach (Trial trial in trials.Where(trial => Directory.Exists(trial.ModelFolder)))
        {
            Directory.Delete(trial.ModelFolder, recursive: true);
        }
    }

    private sealed record Pick(Trial Trial, bool Keeps);
}
