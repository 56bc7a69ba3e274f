using Hybrid.Orchestrator.Experiments;
using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>
/// The way in for a program that hosts Hybrid: reads experiments and starts runs with the host's loggers. Has no state of
/// its own; safe to use from several threads.
/// </summary>
/// <param name="loggers">Where runs log to.</param>
public sealed class HybridEngine(ILoggerFactory loggers)
{
    /// <summary>Reads an experiment's YAML.</summary>
    /// <param name="name">What errors call the text: a file's name, for example.</param>
    /// <param name="yaml">The text; docs/experiments.md has its keys.</param>
    /// <exception cref="HybridException">Config: the message names line and key, or tells every problem of the settings' meaning.</exception>
    public ExperimentSettings Read(string name, string yaml) => ExperimentYaml.Parse(name, yaml);

    /// <summary>A run of an experiment, not started yet.</summary>
    /// <exception cref="HybridException">Config: the settings have no meaning.</exception>
    public UnlearningRun CreateRun(ExperimentSettings settings, UnlearningRunOptions options) => new(settings, options, loggers.CreateLogger<UnlearningRun>());
}
