using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A kind of job in a plan.</summary>
/// <param name="Stage">What is done.</param>
/// <param name="Jobs">How many jobs.</param>
/// <param name="Done">How many of them have their results already; null where that depends on other results.</param>
/// <param name="Steps">Optimizer steps of all jobs together; 0 where nothing is trained, or where teaching ends when it has succeeded.</param>
public sealed record PlannedStage(string Stage, int Jobs, int? Done, long Steps);

/// <summary>What an experiment will do, without doing it.</summary>
/// <param name="Stages">The kinds of jobs, in their order.</param>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="MemoryBytes">
/// What tensors of the dearest job of training take at its fullest, times the jobs side by side; null where the model is yet to be taught.
/// </param>
/// <param name="DiskBytes">Models in the run folder before those that are not picked are deleted.</param>
public sealed record ExperimentPlan(IReadOnlyList<PlannedStage> Stages, long Parameters, long? MemoryBytes, long DiskBytes)
{
    /// <summary>Makes the plan; reads the dataset and, in the run folder, what is done.</summary>
    /// <exception cref="HybridException">As for <see cref="Experiment.Run"/>, as far as it can be known beforehand.</exception>
    internal static ExperimentPlan Of(ExperimentSettings settings, HybridRegistry registry, Device device, string runFolder)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var store = new JobStore(runFolder);
        var silent = new CountedProgress(null);
        OriginalStage originals = new(settings, silent);
        UnlearnStage unlearning = new(settings, silent, runFolder);
        AttackStage attacks = new(settings, registry, silent);
        MeasureStage measuring = new(settings);
        UtilityStage utility = new(settings, silent, runFolder);
        MetricStage metrics = new(settings, registry);
        SeedWorld[] worlds = [.. settings.Seeds.Select(seed => new SeedWorld(settings, registry, seed, device, runFolder))];
        RequireSound(settings, worlds[0].Dataset);

        Trial[] trials = Trial.All(settings, worlds, originals);
        Trial[] rivals = [.. trials.Where(trial => trial.Plan.Candidates.Count > 1)];
        int picks = worlds.Length * settings.Methods.Count;
        long parameters = ShapeOf(settings.Model).ParameterCount;
        return new ExperimentPlan(
            [
                Stage("teaching", [.. worlds.SelectMany(originals.Teaching)], 0),
                Stage("original models", [.. worlds.Select(originals.Measuring)], 0),
                Stage("unlearning", [.. trials.Select(unlearning.JobFor)], trials.Sum(trial => (long)StepsOf(trial.Candidate.Settings, trial.World.Dataset))),
                Stage("measuring", [.. trials.Select(measuring.JobFor)], 0),
                Attacks("attacks to pick settings by", rivals, settings.Selection?.TuningFolds ?? [], rivals.Length),
                Attacks("RTT", trials, settings.Attacks.Rtt.Folds, picks),
                Others("quantization", settings.Attacks.Quantization?.Bits.Count ?? 0, attacks.Quantization, 0),
                Others("relearning on retain text", settings.Attacks.RetainRelearning?.LearningRates.Count ?? 0, attacks.RetainRelearning, RetainRelearningSteps(settings, worlds[0].Dataset)),
                Stage("utility of the original models", [.. worlds.SelectMany(world => utility.Original(world, originals.FingerprintOf(world)))], 0),
                Others("own attacks", (settings.Attacks.Own?.Count ?? 0) * settings.Attacks.Rtt.Folds.Count, attacks.Own, 0), // their steps are their own
                Stage("metrics of the original models", [.. worlds.SelectMany(world => metrics.Original(world, originals.FingerprintOf(world)))], 0),
                Others("metrics", settings.Utility.Metrics?.Count ?? 0, metrics.Unlearned, 0),
                Others("utility", settings.Utility.Suite is null ? 0 : 1, utility.Unlearned, 0),
                new("free answers", settings.CaseStudy is null ? 0 : settings.Methods.Count, null, 0), // each depends on the attacker's best rate and epoch
            ],
            parameters,
            settings.Jobs * MemoryOf(settings, worlds[0]),
            (trials.Length + (settings.Model.Teach is null ? 0 : worlds.Length)) * parameters * settings.ElementType.Size());

        PlannedStage Stage<T>(string stage, IReadOnlyList<Job<T>> jobs, long steps)
            where T : class => new(stage, jobs.Count, jobs.Count(job => store.Find(job) is not null), steps);

        PlannedStage Attacks(string stage, Trial[] possible, IReadOnlyList<int> folds, int models)
        {
            int done = possible.Sum(trial => attacks.Rtt(trial, folds).Count(job => store.Find(job) is not null));
            IReadOnlyList<RelearningFold> made = folds.Count == 0 ? [] : RttFolds.Make(worlds[0].Dataset.ForgetSplits, settings.Attacks.Rtt.Leaks, folds);
            long steps = made.Sum(fold => (long)settings.Attacks.Rtt.Epochs * BatchSampler.StepsPerEpoch(fold.Train.Count, settings.Attacks.Rtt.BatchSize));
            int rates = settings.Attacks.Rtt.LearningRates.Count;
            return new PlannedStage(stage, models * made.Count * rates, Math.Min(done, models * made.Count * rates), models * rates * steps);
        }

        PlannedStage Others<T>(string stage, int each, Func<Trial, IEnumerable<Job<T>>> jobs, long stepsEach)
            where T : class => new(stage, picks * each, Math.Min(picks * each, trials.Sum(trial => jobs(trial).Count(job => store.Find(job) is not null))), picks * each * stepsEach);
    }

    /// <summary>What can be known before any work: every fold and every layer asked for is there, and methods that are compared get the same number of steps, where the experiment says so.</summary>
    /// <exception cref="HybridException">Config, EmptySplit: they are not.</exception>
    internal static void RequireSound(ExperimentSettings settings, UnlearningDataset dataset)
    {
        RelearningOptions rtt = settings.Attacks.Rtt;
        foreach ((string key, IReadOnlyList<int> folds) in new[] { ("attacks.rtt.folds", rtt.Folds), ("selection.tuning-folds", settings.Selection?.TuningFolds ?? []) }.Where(named => named.Item2.Count > 0))
        {
            Named(key, () => RttFolds.Make(dataset.ForgetSplits, rtt.Leaks, folds));
        }

        LlamaConfig shape = ShapeOf(settings.Model);
        foreach (MethodPlan plan in settings.Methods)
        {
            foreach (Candidate candidate in plan.Candidates)
            {
                Named(plan.Label, () => candidate.Settings.RequireFits(shape));
            }
        }

        (string Label, int Steps)[] budgets = [.. settings.Methods.SelectMany(plan => plan.Candidates.Select(candidate => (plan.Label, StepsOf(candidate.Settings, dataset)))).Distinct()];
        if (settings.EqualSteps && budgets.Select(budget => budget.Steps).Distinct().Count() > 1)
        {
            throw new HybridException(ErrorKind.Config, $"equal-steps: the methods' optimizer steps differ: {string.Join(", ", budgets.Select(budget => $"{budget.Label} {budget.Steps}"))}");
        }
    }

    /// <summary>Puts the name of what is checked before the error of a check.</summary>
    private static void Named(string name, Action check)
    {
        try
        {
            check();
        }
        catch (HybridException error)
        {
            throw new HybridException(error.Kind, $"{name}: {error.Message}", error);
        }
    }

    private static int StepsOf(UnlearningSettings settings, UnlearningDataset dataset) => settings.CreateMethod().CountSteps(
        ExampleSets.Count(dataset.ForgetQuestions.Count(), settings.Options.Replacements == ReplacementKind.WrongAnswers ? dataset.WrongText : dataset.ForgetText, settings.ForgetForm), // RIA passes over the wrong facts
        ExampleSets.Count(dataset.RetainQuestions.Count, dataset.RetainText, settings.RetainForm));

    private static long RetainRelearningSteps(ExperimentSettings settings, UnlearningDataset dataset) => settings.Attacks.RetainRelearning is { } options
        ? (long)options.Epochs * BatchSampler.StepsPerEpoch(Math.Min(options.MaximumExamples, dataset.RetainText.Read().Count), options.BatchSize)
        : 0;

    private static LlamaConfig ShapeOf(ModelSettings model) => model.Folder is { } folder ? ModelFolder.LoadConfig(folder) : model.Preset!.Shape!;

    /// <summary>Of one seed's dearest job: a setting that unlearns, or RTT.</summary>
    private static long? MemoryOf(ExperimentSettings settings, SeedWorld world)
    {
        if (!File.Exists(Path.Combine(world.OriginalFolder, ModelFolder.ConfigFile)))
        {
            return null;
        }

        IEnumerable<MemoryPlan> plans = settings.Methods.SelectMany(plan => plan.Candidates).Select(candidate => candidate.Settings).Select(method =>
        {
            UnlearningExamples examples = UnlearningExamples.For(world.Dataset, method, world.Encoder(method.MaximumTokens), world.Random.Fork("unlearn"));
            return world.Plan(planner => method.Memory(planner, examples), world.Config);
        });
        StageMemory[] Attacks(MemoryPlanner planner) =>
        [
            settings.Attacks.Rtt.Memory(planner, world.Encoder(), world.ReportingFolds),
            .. settings.Attacks.RetainRelearning is { } relearning ? [relearning.Memory(planner, world.Encoder(), world.Dataset.RetainText)] : Array.Empty<StageMemory>(),
        ];
        return plans.Append(world.Plan(Attacks, world.Config)).Max(plan => plan.Fullest.Device.Total);
    }
}
