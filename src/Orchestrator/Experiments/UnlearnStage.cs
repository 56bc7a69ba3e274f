using System.Diagnostics;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What unlearning with one setting gave.</summary>
/// <param name="Diverged">Why there is no model, where there is none; the figures are then absent.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Seconds">Seconds of unlearning alone.</param>
/// <param name="ShareChanged">Share of the parameters' elements whose bits changed.</param>
/// <param name="Forget">Accuracy on all forget questions.</param>
/// <param name="ForgetCalibrated">The same without preference for a letter.</param>
/// <param name="RetainHits">On the retain questions.</param>
/// <param name="RetainTextNll">Mean NLL of the retain text's tokens; null where not asked for.</param>
/// <param name="Passes">Accuracy on the forget questions after each pass; empty where not asked for.</param>
/// <param name="Losses">Every so many steps.</param>
/// <param name="Rounds">KUnBR's choices.</param>
internal sealed record UnlearnResult(
    string? Diverged,
    int Steps,
    double Seconds,
    double ShareChanged,
    double Forget,
    double ForgetCalibrated,
    string RetainHits,
    double? RetainTextNll,
    IReadOnlyList<PassPoint> Passes,
    IReadOnlyList<LossPoint> Losses,
    IReadOnlyList<ChosenBlocks> Rounds);

/// <summary>The second stage: every setting of every method unlearns; the model is kept until it is known which are attacked.</summary>
internal sealed class UnlearnStage(ExperimentSettings settings, IProgress<TrainingProgress> progress, string runFolder)
{
    /// <summary>Points of a loss curve that are kept at most: what a chart can show.</summary>
    private const int MostLossPoints = 300;

    /// <summary>The job of a trial.</summary>
    public Job<UnlearnResult> JobFor(Trial trial) =>
        new($"{trial.JobPrefix}/unlearn", JobStore.Fingerprint(FingerprintOf(trial), settings.ForgetByPass, settings.Utility), cancellation => Unlearn(trial, cancellation));

    /// <summary>Of everything that a trial's model depends on.</summary>
    public static string FingerprintOf(Trial trial) => JobStore.Fingerprint("unlearn", trial.Original, trial.Candidate.Settings);

    private UnlearnResult Unlearn(Trial trial, CancellationToken cancellation)
    {
        SeedWorld world = trial.World;
        UnlearningSettings method = trial.Candidate.Settings;
        ExampleEncoder encoder = world.Encoder(method.MaximumTokens);
        McqEvaluator evaluator = world.Evaluator();
        MultipleChoiceQuestion[] forgetQuestions = world.ForgetQuestions;
        using ModelOutput output = ModelOutput.Reserve(trial.ModelFolder, overwrite: true);
        using LlamaModel model = world.Load(world.OriginalFolder);

        using TensorBoardWriter events = new(Path.Combine(runFolder, Experiment.EventsFolder, trial.JobPrefix));
        var labelled = new TensorBoardProgress(events, Progress.Labelled(progress, trial.Label));
        SeededRandom random = world.Random.Fork("unlearn");
        UnlearningExamples examples = UnlearningExamples.For(world.Dataset, method, encoder, random);
        var losses = new List<LossPoint>();
        var passes = new List<PassPoint>();
        if (settings.ForgetByPass)
        {
            passes.Add(new PassPoint(0, "original", evaluator.Evaluate(model, forgetQuestions, cancellation).Accuracy));
        }

        var context = new UnlearningContext
        {
            Model = model,
            Forget = examples.Forget,
            Retain = examples.Retain,
            Replacements = examples.Replacements,
            Random = random,
            Progress = new SynchronousProgress<TrainingProgress>(step =>
            {
                if (step.Stage is not (KnowledgeDensity.Stage or ReferenceNll.Stage)) // nothing is trained in these
                {
                    losses.Add(new LossPoint(losses.Count + 1, step.Stage, step.Loss, step.ForgetNll, step.RetainNll));
                }

                labelled.Report(step);
            }),
            AfterPass = settings.ForgetByPass ? pass => passes.Add(new PassPoint(pass.Passes, pass.Stage, evaluator.Evaluate(model, forgetQuestions, cancellation).Accuracy)) : null,
            Cancellation = cancellation,
        };
        var clock = Stopwatch.StartNew();
        UnlearningOutcome outcome;
        try
        {
            outcome = method.CreateMethod().Run(context);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            return new UnlearnResult(error.Message, 0, clock.Elapsed.TotalSeconds, 0, 0, 0, string.Empty, null, passes, Thinned(losses), []);
        }

        double seconds = clock.Elapsed.TotalSeconds;
        output.Save(model, world.Tokenizer);
        McqResult forget = evaluator.Evaluate(model, forgetQuestions, cancellation);
        return new UnlearnResult(
            null,
            outcome.Steps,
            seconds,
            ChangedShare.AgainstFolder(world.OriginalFolder, model),
            forget.Accuracy,
            forget.CalibratedAccuracy,
            HitString.Of(evaluator.Evaluate(model, world.Dataset.RetainQuestions, cancellation)),
            world.RetainTextNll(model, cancellation),
            passes,
            Thinned(losses),
            [.. outcome.Rounds.Select(round => ChoiceOf(round, method.Kunbr!, model.Config.Layers))]);
    }

    private static ChosenBlocks ChoiceOf(ReinsertionRound round, KUnBROptions options, int layers)
    {
        BlockPlan plan = BlockPlan.Cut(layers, options.Blocks);
        return new ChosenBlocks(round.Density, plan.Blocks, plan.LayersPerBlock, round.Blocks);
    }

    /// <summary>Every n-th point, so that a chart's worth is left.</summary>
    private static IReadOnlyList<LossPoint> Thinned(List<LossPoint> losses)
    {
        int every = (losses.Count + MostLossPoints - 1) / MostLossPoints;
        return [.. losses.Where((_, i) => i % Math.Max(1, every) == 0)];
    }
}
