using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A metric's figure of a model.</summary>
internal sealed record MetricValue(double Value);

/// <summary>The metrics that were added to Hybrid, on the original models and on what was picked: a job for each.</summary>
internal sealed class MetricStage(ExperimentSettings settings, HybridRegistry registry)
{
    private IModelMetric[] Metrics => [.. (settings.Utility.Metrics ?? []).Select(name => registry.Metrics.Single(metric => metric.Name == name))];

    /// <summary>On the original model, in the order of the settings.</summary>
    public IEnumerable<Job<MetricValue>> Original(SeedWorld world, string fingerprint) => Jobs(world, $"{world.Prefix}/{SeedWorld.OriginalName}", world.OriginalFolder, fingerprint);

    /// <summary>On a trial's model, in the order of the settings.</summary>
    public IEnumerable<Job<MetricValue>> Unlearned(Trial trial) => Jobs(trial.World, trial.JobPrefix, trial.ModelFolder, trial.Fingerprint);

    private IEnumerable<Job<MetricValue>> Jobs(SeedWorld world, string prefix, string folder, string fingerprint) => Metrics.Select(metric =>
        new Job<MetricValue>($"{prefix}/metric-{metric.Name}", JobStore.Fingerprint("metric", metric.Name, metric.Version, fingerprint), (_, cancellation) =>
        {
            using LlamaModel model = world.Load(folder);
            return new MetricValue(metric.Measure(
                new MeasuredModel { Model = model, Tokenizer = world.Tokenizer, Encoder = world.Encoder(), Dataset = world.Dataset, Random = world.Random.Fork($"metric {metric.Name}") },
                cancellation));
        }));
}
