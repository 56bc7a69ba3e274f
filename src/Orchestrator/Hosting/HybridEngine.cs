using Hybrid.Orchestrator.Experiments;
using Microsoft.Extensions.Logging;

namespace Hybrid.Orchestrator.Hosting;

/// <summary>
/// The way in for a program that hosts Hybrid: reads experiments, starts runs and opens sessions, with the host's registry and loggers. Has no state of
/// its own; safe to use from several threads.
/// </summary>
/// <param name="registry">What configurations may call by name.</param>
/// <param name="loggers">Where runs and sessions log to.</param>
public sealed class HybridEngine(HybridRegistry registry, ILoggerFactory loggers)
{
    private readonly ILoggerFactory loggers = loggers ?? throw new ArgumentNullException(nameof(loggers));

    /// <summary>What configurations may call by name.</summary>
    public HybridRegistry Registry { get; } = registry ?? throw new ArgumentNullException(nameof(registry));

    /// <summary>Reads an experiment's YAML.</summary>
    /// <param name="name">What errors call the text: a file's name, for example.</param>
    /// <param name="yaml">The text; docs/experiments.md has its keys.</param>
    /// <exception cref="HybridException">Config: the message names line and key, or tells every problem of the settings' meaning.</exception>
    public ExperimentSettings Read(string name, string yaml) => ExperimentYaml.Parse(name, yaml, Registry);

    /// <summary>A run of an experiment, not started yet.</summary>
    /// <exception cref="HybridException">Config: the settings have no meaning.</exception>
    public UnlearningRun CreateRun(ExperimentSettings settings, UnlearningRunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new(settings, options with { Registry = Registry }, loggers.CreateLogger<UnlearningRun>());
    }

    /// <summary>Loads a model and a dataset, to unlearn, attack and evaluate as one likes.</summary>
    /// <inheritdoc cref="UnlearningSession.OpenAsync" path="/exception"/>
    public Task<UnlearningSession> OpenSessionAsync(UnlearningSessionOptions options, CancellationToken cancellation = default) =>
        UnlearningSession.OpenAsync(options, Registry, loggers.CreateLogger<UnlearningSession>(), cancellation);
}
