using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A model that was taught.</summary>
/// <param name="Epochs">Passes of teaching.</param>
internal sealed record TaughtResult(int Epochs);

/// <summary>What the original model of a seed knows.</summary>
/// <param name="HeldOutHits">On V of each reporting fold.</param>
/// <param name="RetainHits">On the retain questions.</param>
/// <param name="Density">Normalised knowledge density by layer.</param>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="RetainTextNll">Mean NLL of the retain text's tokens; null where not asked for.</param>
/// <param name="Answers">To the case study's questions, in free text; empty where not asked for.</param>
internal sealed record OriginalResult(IReadOnlyList<string> HeldOutHits, string RetainHits, IReadOnlyList<double> Density, long Parameters, double? RetainTextNll, IReadOnlyList<string> Answers);

/// <summary>The first stage: a model that knows the facts, taught or given, and what it knows.</summary>
internal sealed class OriginalStage(ExperimentSettings settings, IProgress<TrainingProgress> progress)
{
    /// <summary>Examples of a pass of the density measurement.</summary>
    private const int DensityBatch = 16;

    private ExampleForm DensityForm => settings.Methods[0].Settings.ForgetForm;

    /// <summary>Of everything that the original model depends on. A program that was built anew counts as the same as long as its version is.</summary>
    public string FingerprintOf(SeedWorld world) => JobStore.Fingerprint(
        "original", typeof(OriginalStage).Assembly.GetName().Version!.ToString(), Runtime.BuildInfo, world.Inputs, settings.Model.Preset);

    /// <summary>Teaches a fresh model or the given one; none where the given one is taken as it is.</summary>
    public IEnumerable<Job<TaughtResult>> Teaching(SeedWorld world) => settings.Model.Preset is not { } preset
        ? []
        : [new Job<TaughtResult>($"{world.Prefix}/teach", FingerprintOf(world), (journal, cancellation) => Teach(preset, world, journal, cancellation))];

    /// <summary>Measures the model.</summary>
    public Job<OriginalResult> Measuring(SeedWorld world)
    {
        object[] inputs = [FingerprintOf(world), settings.HeldOutKey, settings.Utility, DensityForm];
        return new Job<OriginalResult>($"{world.Prefix}/original", JobStore.Fingerprint([.. inputs, settings.CaseStudy]), (_, cancellation) =>
        {
            IReadOnlyList<TokenSequence> forget = ExampleSets.Forget(world.Dataset, DensityForm, world.Encoder());
            using LlamaModel model = world.Load(world.OriginalFolder, planner => planner.Density(BatchShape.Largest(forget, DensityBatch), secondModel: false), isSecond: false);
            McqEvaluator evaluator = world.Evaluator();
            double[] density = KnowledgeDensity.Measure(
                model, forget, mlpOnly: false, DensityBatch, Progress.Labelled(progress, world.Prefix), cancellation);
            return new OriginalResult(
                world.ByFold(HitString.Of(evaluator.Evaluate(model, world.HeldOut, cancellation))),
                HitString.Of(evaluator.Evaluate(model, world.Dataset.RetainQuestions, cancellation)),
                KnowledgeDensity.Normalize(density),
                model.Config.ParameterCount,
                world.RetainTextNll(model, cancellation),
                settings.CaseStudy is { } study ? world.Answers(study).Answer(model, world.CaseQuestions(study), cancellation) : []);
        });
    }

    private TaughtResult Teach(TeachingPreset preset, SeedWorld world, RunJournal journal, CancellationToken cancellation)
    {
        if (settings.Dataset.People is { } people)
        {
            // The experiment does not read it; whoever wants to go on from a model of the run by hand does.
            BirthdayMaker.Write(world.DataPath, people, world.Seed, overwrite: true);
        }

        using ModelOutput output = ModelOutput.Reserve(world.OriginalFolder, overwrite: true, settings.Model.Folder);
        (LlamaModel model, Tokenizer tokenizer, Teacher teacher) = settings.Model.Folder is { } folder ? Given(preset, world, folder) : Fresh(preset, world);
        using (model)
        {
            output.TakeRoom(model);
            TeachingReport report = teacher.Teach(model, world.Dataset, world.Random.Fork("teach"), Progress.Labelled(progress, world.Prefix), cancellation, journal);
            output.Save(model, tokenizer);
            return new TaughtResult(report.Epochs);
        }
    }

    private static (LlamaModel Model, Tokenizer Tokenizer, Teacher Teacher) Fresh(TeachingPreset preset, SeedWorld world)
    {
        (LlamaModel model, Tokenizer tokenizer) = FreshModel.Create(preset.Shape!, world.Dataset, world.Random, ElementType.Float32, Device.Cpu);
        return (model, tokenizer, TeacherOf(preset, tokenizer, model.Config));
    }

    private (LlamaModel Model, Tokenizer Tokenizer, Teacher Teacher) Given(TeachingPreset preset, SeedWorld world, string folder)
    {
        LlamaConfig shape = ModelFolder.LoadConfig(folder);
        Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder, shape);
        Teacher teacher = TeacherOf(preset, tokenizer, shape);
        return (world.Load(folder, planner => teacher.Memory(planner, world.Dataset), isSecond: false), tokenizer, teacher);
    }

    private static Teacher TeacherOf(TeachingPreset preset, Tokenizer tokenizer, LlamaConfig shape)
    {
        var encoder = new ExampleEncoder(tokenizer, Math.Min(ExampleEncoder.UsualMaximumTokens, shape.MaximumPositions));
        return new Teacher(preset.Teaching, encoder, new McqEvaluator(encoder));
    }
}
