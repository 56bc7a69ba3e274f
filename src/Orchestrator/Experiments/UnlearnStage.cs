using System.Diagnostics;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What unlearning with one setting gave, beside the model.</summary>
/// <param name="Diverged">Why there is no model, where there is none.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Seconds">Seconds of unlearning alone, with as many jobs beside it as the experiment has.</param>
/// <param name="ShareChanged">Share of the parameters' elements whose bits changed.</param>
/// <param name="Passes">Accuracy on the forget questions after each pass; empty where not asked for.</param>
/// <param name="Losses">Every so many steps.</param>
/// <param name="Rounds">KUnBR's choices.</param>
internal sealed record UnlearnResult(
    string? Diverged, int Steps, double Seconds, double ShareChanged, IReadOnlyList<PassPoint> Passes, IReadOnlyList<LossPoint> Losses, IReadOnlyList<ChosenBlocks> Rounds);

/// <summary>The second stage: every setting of every method unlearns; the model is kept until it is known which are attacked.</summary>
internal sealed class UnlearnStage(ExperimentSettings settings, IProgress<TrainingProgress> progress, string runFolder)
{
    /// <summary>Points of a loss curve that are kept at most: what a chart can show.</summary>
    private const int MostLossPoints = 300;

    /// <summary>The job of a trial.</summary>
    public Job<UnlearnResult> JobFor(Trial trial) => new($"{trial.JobPrefix}/unlearn", JobStore.Fingerprint(trial.Fingerprint, settings.ForgetByPass), (journal, cancellation) => Unlearn(trial, journal, cancellation));

    private UnlearnResult Unlearn(Trial trial, RunJournal journal, CancellationToken cancellation)
    {
        SeedWorld world = trial.World;
        UnlearningSettings method = trial.Candidate.Settings;
        using ModelOutput output = ModelOutput.Reserve(trial.ModelFolder, overwrite: true, world.OriginalFolder);
        SeededRandom random = world.Random.Fork("unlearn");
        UnlearningExamples examples = UnlearningExamples.For(world.Dataset, method, world.Encoder(method.MaximumTokens), random);
        MemoryPlan plan = world.Fit(planner => [.. method.Memory(planner, examples), planner.Save()], world.Config);
        using LlamaModel model = plan.Load(world.OriginalFolder, settings.ElementType, world.Device, isSecond: false);
        output.TakeRoom(model);

        using TensorBoardWriter events = new(Path.Combine(runFolder, Experiment.EventsFolder, trial.JobPrefix));
        var shown = new TensorBoardProgress(events, Progress.Labelled(progress, trial.Label));
        var losses = new List<LossPoint>();
        var passes = new List<PassPoint>();
        var clock = new Stopwatch();
        AskAfter(new UnlearningPass("original", 0));

        var context = new UnlearningContext
        {
            Model = model,
            Forget = examples.Forget,
            Retain = examples.Retain,
            Replacements = examples.Replacements,
            OriginalOnHost = plan.Options.SecondModelOnHost,
            Random = random,
            Progress = new SynchronousProgress<TrainingProgress>(step =>
            {
                if (step.Stage is not (KnowledgeDensity.Stage or ReferenceNll.Stage)) // nothing is trained in these
                {
                    losses.Add(new LossPoint(losses.Count + 1, step.Stage, step.Loss, step.ForgetNll, step.RetainNll));
                }

                shown.Report(step);
            }),
            AfterPass = AskAfter,
            Journal = journal,
            Cancellation = cancellation,
        };
        try
        {
            clock.Start();
            UnlearningOutcome outcome = method.CreateMethod().Run(context);
            clock.Stop();
            output.Save(model, world.Tokenizer);
            return new UnlearnResult(
                null,
                outcome.Steps,
                clock.Elapsed.TotalSeconds,
                ChangedShare.AgainstFolder(world.OriginalFolder, model),
                passes,
                Thinned(losses),
                [.. outcome.Rounds.Select(round => ChoiceOf(round, model.Config.Layers))]);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            return new UnlearnResult(error.Message, 0, clock.Elapsed.TotalSeconds, 0, passes, Thinned(losses), []);
        }

        void AskAfter(UnlearningPass pass)
        {
            if (settings.ForgetByPass)
            {
                bool timed = clock.IsRunning;
                clock.Stop();
                double accuracy = RunJournal.Once(journal, $"accuracy after pass {pass.Passes}", null, _ => world.Evaluator().Evaluate(model, world.ForgetQuestions, cancellation).Accuracy);
                passes.Add(new PassPoint(pass.Passes, pass.Stage, accuracy));
                if (timed)
                {
                    clock.Start();
                }
            }
        }
    }

    private static ChosenBlocks ChoiceOf(ReinsertionRound round, int layers) => new(round.Density, layers / round.LayersPerBlock, round.LayersPerBlock, round.Blocks);

    /// <summary>Every n-th point, so that a chart's worth is left.</summary>
    private static IReadOnlyList<LossPoint> Thinned(List<LossPoint> losses)
    {
        int every = (losses.Count + MostLossPoints - 1) / MostLossPoints;
        return [.. losses.Where((_, i) => i % Math.Max(1, every) == 0)];
    }
}
