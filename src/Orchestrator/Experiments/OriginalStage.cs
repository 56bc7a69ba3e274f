using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What the original model of a seed knows.</summary>
/// <param name="TaughtEpochs">Passes of teaching; null for a model from a folder.</param>
/// <param name="HeldOutHits">On V of each reporting fold.</param>
/// <param name="RetainHits">On the retain questions.</param>
/// <param name="Density">Normalised knowledge density by layer.</param>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="ForgetAccuracy">On all forget questions.</param>
/// <param name="RetainTextNll">Mean NLL of the retain text's tokens; null where not asked for.</param>
/// <param name="Answers">To the case study's questions, in free text.</param>
internal sealed record OriginalResult(
    int? TaughtEpochs, IReadOnlyList<string> HeldOutHits, string RetainHits, IReadOnlyList<double> Density, long Parameters, double ForgetAccuracy, double? RetainTextNll, IReadOnlyList<string> Answers);

/// <summary>The first stage: a model that knows the facts, taught or loaded, and what it knows.</summary>
internal sealed class OriginalStage(ExperimentSettings settings, IProgress<TrainingProgress> progress)
{
    /// <summary>Examples of a pass of the density measurement.</summary>
    private const int DensityBatch = 16;

    public Job<OriginalResult> JobFor(SeedWorld world) => new($"{world.Prefix}/original", Fingerprint(world), cancellation =>
    {
        if (settings.Dataset.People is { } people)
        {
            // The experiment does not read it; whoever wants to go on from a model of the run by hand does.
            BirthdayMaker.Write(world.DataPath, people, world.Seed, overwrite: true);
        }

        int? epochs = settings.Model.Teach is { } preset ? Teach(preset, world, cancellation) : null;
        using LlamaModel model = world.Load(world.OriginalFolder);
        McqEvaluator evaluator = world.Evaluator();
        double[] density = KnowledgeDensity.Normalize(KnowledgeDensity.Measure(
            model, ExampleSets.Forget(world.Dataset, settings.Methods[0].Settings.ForgetForm, world.Encoder()), mlpOnly: false, DensityBatch, Progress.Labelled(progress, world.Prefix), cancellation));
        return new OriginalResult(
            epochs,
            world.ByFold(HitString.Of(evaluator.Evaluate(model, world.HeldOut, cancellation))),
            HitString.Of(evaluator.Evaluate(model, world.Dataset.RetainQuestions, cancellation)),
            density,
            model.Config.ParameterCount,
            evaluator.Evaluate(model, world.ForgetQuestions, cancellation).Accuracy,
            world.RetainTextNll(model, cancellation),
            settings.CaseStudy is { } study ? world.Answers(study).Answer(model, world.CaseQuestions(study), cancellation) : []);
    });

    private string Fingerprint(SeedWorld world) => JobStore.Fingerprint(
        "original", typeof(OriginalStage).Assembly.GetName().Version!.ToString(), Runtime.BuildInfo, world.Inputs, settings.Attacks.Rtt.Folds, settings.Attacks.Rtt.Leaks, settings.Utility, settings.CaseStudy, settings.Methods[0].Settings.ForgetForm);

    private int Teach(string presetName, SeedWorld world, CancellationToken cancellation)
    {
        TeachingPreset preset = TeachingPresets.Find(presetName);
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(preset, world.Dataset, world.Random);
        using (model)
        {
            var encoder = new ExampleEncoder(tokenizer, model.Config.MaximumPositions);
            var teacher = new Teacher(preset.Teaching, encoder, new McqEvaluator(encoder));
            TeachingReport report = teacher.Teach(model, world.Dataset, world.Random.Fork("teach"), Progress.Labelled(progress, world.Prefix), cancellation);
            using ModelOutput output = ModelOutput.Reserve(world.OriginalFolder, overwrite: true);
            output.Save(model, tokenizer);
            return report.Epochs;
        }
    }
}
