using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Utility;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>What the utility suite found of a model.</summary>
/// <param name="Scores">Each task's metric, by its name.</param>
internal sealed record UtilityScores(IReadOnlyDictionary<string, double> Scores);

/// <summary>The utility suite on the original models and on what was picked; every prompt's outcome is kept beside the results.</summary>
internal sealed class UtilityStage(ExperimentSettings settings, IProgress<TrainingProgress> progress, string runFolder)
{
    /// <summary>On the original model; none where it is not asked for.</summary>
    public IEnumerable<Job<UtilityScores>> Original(SeedWorld world, string fingerprint) => Jobs(world, SeedWorld.OriginalName, world.Prefix, world.OriginalFolder, fingerprint);

    /// <summary>On a trial's model; none where it is not asked for.</summary>
    public IEnumerable<Job<UtilityScores>> Unlearned(Trial trial) => Jobs(trial.World, trial.Slug, trial.Label, trial.ModelFolder, trial.Fingerprint);

    private IEnumerable<Job<UtilityScores>> Jobs(SeedWorld world, string name, string label, string folder, string fingerprint)
    {
        if (settings.Utility.Suite is not { } suite)
        {
            yield break;
        }

        yield return new Job<UtilityScores>($"{world.Prefix}/{name}/utility", JobStore.Fingerprint("utility", fingerprint, suite, FileStamps.Of(suite.Files)), (_, cancellation) =>
        {
            ChatTemplate template = suite.ChatTemplate is { } chosen ? ChatTemplate.Find(chosen) : ChatTemplateFile.Recognize(world.OriginalFolder, world.Tokenizer);
            UtilitySuite tasks = UtilitySuite.Load(suite.Data, UtilityOptions.Whole(template) with { Tasks = suite.Tasks, Limit = suite.Limit, Seed = suite.Seed, MaximumNewTokens = suite.MaximumNewTokens });
            using LlamaModel model = world.Load(folder);
            var shown = new SynchronousProgress<UtilityProgress>(step => progress.Report(new TrainingProgress($"{label} · {step.Task}", step.Done, step.Total, double.NaN)));
            UtilityReport report = tasks.Run(model, world.Tokenizer, shown, cancellation);
            string items = Path.Combine(runFolder, "utility", world.Prefix, $"{name}.jsonl");
            Directory.CreateDirectory(Path.GetDirectoryName(items)!);
            UtilityItemsFile.Write(items, report);
            return new UtilityScores(report.Tasks.ToDictionary(task => task.Metrics[0].Name, task => task.Score));
        });
    }
}
