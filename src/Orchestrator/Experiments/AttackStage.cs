using System.Globalization;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What a model with weights of so many bits answers.</summary>
/// <param name="Bits">Bits a weight.</param>
/// <param name="HeldOutHits">On V of each reporting fold.</param>
/// <param name="RetainHits">On the retain questions.</param>
internal sealed record QuantizationHits(int Bits, IReadOnlyList<string> HeldOutHits, string RetainHits);

/// <summary>What a model answers after an attack of one's own.</summary>
/// <param name="Attack">The attack's name.</param>
/// <param name="Hits">On V of one fold.</param>
internal sealed record OwnAttackHits(string Attack, string Hits);

/// <summary>The case study's answers of one method.</summary>
/// <param name="AfterUnlearning">To each question.</param>
/// <param name="AfterRtt">The same after RTT.</param>
internal sealed record CaseAnswers(IReadOnlyList<string> AfterUnlearning, IReadOnlyList<string> AfterRtt);

/// <summary>The attacks on a trial's model, cut into jobs that need nothing of one another: one fold at one rate, one bit width, …</summary>
internal sealed class AttackStage(ExperimentSettings settings, HybridRegistry registry, IProgress<TrainingProgress> progress)
{
    private const string RandomKey = "attack";

    private RelearningOptions RttOptions => settings.Attacks.Rtt;

    /// <summary>RTT on the given folds, a job for each fold and rate.</summary>
    public IEnumerable<Job<RelearningCurve>> Rtt(Trial trial, IReadOnlyList<int> folds) =>
        from fold in RttFolds.Make(trial.World.Dataset.ForgetSplits, RttOptions.Leaks, folds)
        from rate in RttOptions.LearningRates
        select JobOf(trial, $"rtt-fold{fold.Index}-{Rate(rate)}", [RttOptions with { Folds = [fold.Index], LearningRates = [rate] }], RttMemory, (model, journal, cancellation) =>
            RttJob(trial).Retrain(model, fold, rate, trial.World.Random.Fork(RandomKey), Progress.Labelled(progress, trial.Label), cancellation, journal));

    /// <summary>Rounded weights, a job a bit width; none where it is not asked for.</summary>
    public IEnumerable<Job<QuantizationHits>> Quantization(Trial trial) =>
        from options in Asked(settings.Attacks.Quantization)
        from bits in options.Bits
        select JobOf(trial, $"quantization-{bits}", [bits, options.GroupSize, settings.HeldOutKey], QuantizationMemory, (model, _, cancellation) =>
        {
            SeedWorld world = trial.World;
            QuantizationResult result = new QuantizationAttack(options with { Bits = [bits] }, world.Evaluator(), world.Device).Run(model, world.HeldOut, world.Dataset.RetainQuestions, cancellation)[0];
            return new QuantizationHits(bits, world.ByFold(HitString.Of(result.Forget)), HitString.Of(result.Retain));
        });

    /// <summary>Fine-tuning on retain text, a job a rate; none where it is not asked for.</summary>
    public IEnumerable<Job<RelearningCurve>> RetainRelearning(Trial trial) =>
        from options in Asked(settings.Attacks.RetainRelearning)
        from rate in options.LearningRates
        select JobOf(trial, $"retain-relearning-{Rate(rate)}", [options with { LearningRates = [rate] }, settings.HeldOutKey], (world, planner) => options.Memory(planner, world.Encoder(), world.Dataset.RetainText), (model, journal, cancellation) =>
        {
            SeedWorld world = trial.World;
            return new RetainRelearningAttack(options, world.Encoder(), world.Evaluator(), world.Device).Retrain(
                model, world.Dataset.RetainText, world.HeldOut, rate, world.Random.Fork("retain relearning"), Progress.Labelled(progress, trial.Label), cancellation, journal);
        });

    /// <summary>The attacks that were added to Hybrid, on the reporting folds: for each attack, in the order of the settings, a job a fold.</summary>
    public IEnumerable<Job<OwnAttackHits>> Own(Trial trial) =>
        from name in settings.Attacks.Own ?? []
        let attack = registry.Attacks.Single(known => known.Name == name)
        from fold in trial.World.ReportingFolds
        select JobOf(trial, $"own-{name}-fold{fold.Index}", [attack.Version, RttOptions.Leaks], OwnMemory, (model, journal, cancellation) =>
        {
            SeedWorld world = trial.World;
            using LlamaModel attacked = model.CloneOn(world.Device);
            attack.Attack(new AttackTarget
            {
                Model = attacked,
                Tokenizer = world.Tokenizer,
                Encoder = world.Encoder(),
                Known = fold.Train,
                RetainText = world.Dataset.RetainText,
                Random = world.Random.Fork($"own attack {name}").Fork($"fold {fold.Index}"),
                Progress = Progress.Labelled(progress, trial.Label),
                Journal = journal,
                Cancellation = cancellation,
            });
            return new OwnAttackHits(name, HitString.Of(world.Evaluator().Evaluate(attacked, fold.Validation, cancellation)));
        });

    /// <summary>Free answers to the first held-out questions, before RTT and after it at the attacker's best rate and epoch; none where it is not asked for.</summary>
    public IEnumerable<Job<CaseAnswers>> Cases(Trial trial, RelearningReport rtt) =>
        from study in Asked(settings.CaseStudy)
        select JobOf(trial, "answers", [study, RttOptions, rtt.BestLearningRate, rtt.BestEpoch], RttMemory, (model, _, cancellation) =>
        {
            SeedWorld world = trial.World;
            FreeTextAnswers answers = world.Answers(study);
            IReadOnlyList<string> before = model.AskOn(world.Device, there => answers.Answer(there, world.CaseQuestions(study), cancellation));
            using LlamaModel attacked = RttJob(trial).AttackedModel(
                model, world.ReportingFolds[0], rtt.BestLearningRate, rtt.BestEpoch, world.Random.Fork(RandomKey), Progress.Labelled(progress, $"{trial.Label} · answers"), cancellation);
            return new CaseAnswers(before, answers.Answer(attacked, world.CaseQuestions(study), cancellation));
        });

    private static IEnumerable<T> Asked<T>(T? options)
        where T : class => options is null ? [] : [options];

    private static Job<T> JobOf<T>(Trial trial, string name, object[] inputs, Func<SeedWorld, MemoryPlanner, StageMemory> memory, Func<LlamaModel, RunJournal, CancellationToken, T> attack)
        where T : class => new($"{trial.JobPrefix}/{name}", JobStore.Fingerprint([name, trial.Fingerprint, .. inputs]), (journal, cancellation) =>
        {
            using LlamaModel model = trial.World.Load(trial.ModelFolder, planner => memory(trial.World, planner), isSecond: true);
            return attack(model, journal, cancellation);
        });

    /// <summary>Two models and an evaluation; what the attack itself takes is not known.</summary>
    private static StageMemory OwnMemory(SeedWorld world, MemoryPlanner planner) => planner.Evaluate("own attack", world.Evaluator().LargestBatch(world.HeldOut), secondModel: true);

    private StageMemory QuantizationMemory(SeedWorld world, MemoryPlanner planner) =>
        planner.Evaluate("quantization", world.Evaluator().LargestBatch([.. world.HeldOut, .. world.Dataset.RetainQuestions]), secondModel: true);

    private StageMemory RttMemory(SeedWorld world, MemoryPlanner planner) => RttOptions.Memory(planner, world.Encoder(), world.ReportingFolds);

    private RelearningJob RttJob(Trial trial) => new(RttOptions, trial.World.Encoder(), trial.World.Evaluator(), trial.World.Device);

    private static string Rate(double rate) => rate.ToString("0.##############e+0", CultureInfo.InvariantCulture);
}
