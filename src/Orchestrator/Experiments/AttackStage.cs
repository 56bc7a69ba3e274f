using System.Globalization;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>The attacks on a trial's model, each a job of its own: one fold at one rate, one bit width, …</summary>
internal sealed class AttackStage(ExperimentSettings settings, IProgress<TrainingProgress> progress)
{
    /// <summary>RTT on the given folds, a job for each fold and rate.</summary>
    public IEnumerable<Job<RelearningCurve>> Rtt(Trial trial, string unlearnFingerprint, IReadOnlyList<int> folds)
    {
        RelearningOptions options = settings.Attacks.Rtt;
        foreach (RelearningFold fold in RttFolds.Make(trial.World.Dataset.ForgetSplits, options.Leaks, folds))
        {
            foreach (double rate in options.LearningRates)
            {
                string id = $"{trial.JobPrefix}/rtt-fold{fold.Index}-{rate.ToString("0.###e+0", CultureInfo.InvariantCulture)}";
                string fingerprint = JobStore.Fingerprint("rtt", unlearnFingerprint, options with { Folds = [fold.Index], LearningRates = [rate] });
                yield return new Job<RelearningCurve>(id, fingerprint, cancellation =>
                {
                    using LlamaModel model = trial.World.Load(trial.ModelFolder);
                    return Attack(trial).Retrain(model, fold, rate, trial.World.Random.Fork("attack"), Progress.Labelled(progress, trial.Label), cancellation);
                });
            }
        }
    }

    private RelearningAttack Attack(Trial trial) => new(settings.Attacks.Rtt, trial.World.Encoder(), trial.World.Evaluator());
}
