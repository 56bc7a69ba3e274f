using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;

namespace UnlearningService;

/// <summary>
/// What clients may run. An experiment can name folders, which would let a client read the server's files: it may do so only below the folders that the
/// settings allow, and reads no file where they allow none. And it may be only so large.
/// </summary>
internal sealed class Admission(HybridEngine hybrid, ServiceSettings settings)
{
    private const string Name = "experiment.yaml";

    /// <summary>Reads an experiment; the folders that it names become the real ones that were checked, so that the run follows no link again.</summary>
    /// <exception cref="HybridException">Config: it is malformed, or names a folder that is not allowed.</exception>
    public ExperimentSettings Read(string yaml)
    {
        ExperimentSettings experiment = hybrid.Read(Name, yaml);
        return experiment with
        {
            Model = experiment.Model with { Folder = Allowed("model.folder", experiment.Model.Folder, nameof(settings.Models), settings.Models) },
            Dataset = experiment.Dataset with
            {
                Data = Allowed("dataset.data", experiment.Dataset.Data, nameof(settings.Data), settings.Data),
                Folder = Allowed("dataset.folder", experiment.Dataset.Folder, nameof(settings.Data), settings.Data),
                RetainText = Allowed("dataset.retain-text", experiment.Dataset.RetainText, nameof(settings.Data), settings.Data),
            },
            Utility = experiment.Utility with
            {
                Suite = experiment.Utility.Suite is { } suite ? suite with { Data = Allowed("utility.suite.data", suite.Data, nameof(settings.Data), settings.Data)! } : null,
            },
        };
    }

    /// <summary>Plans an experiment and compares with the settings' limits.</summary>
    /// <exception cref="HybridException">Config: it is too large; and whatever it would fail of before its first step.</exception>
    public void RequireAffordable(ExperimentSettings experiment)
    {
        // What makes planning itself long is counted before it.
        Require("settings of all methods times seeds", (long)experiment.Methods.Sum(method => method.Candidates.Count) * experiment.Seeds.Count, settings.MostSettings);
        Require("jobs times threads", (long)experiment.Jobs * experiment.Threads, settings.MostThreads);
        Require("passes of teaching", experiment.Model.Teaching?.Epochs ?? 0, settings.MostTeachingEpochs);

        string nothingYet = Path.Combine(settings.Folder, "planned"); // a plan looks there for what is done already, and a new run has done nothing
        ExperimentPlan plan = hybrid.CreateRun(experiment, new UnlearningRunOptions { Folder = nothingYet }).Plan();
        Require("optimizer steps", plan.Stages.Sum(stage => stage.Steps), settings.MostSteps);
        Require("bytes of memory", plan.MemoryBytes ?? 0, settings.MostMemoryBytes);
        Require("bytes of models on disk", plan.DiskBytes, settings.MostDiskBytes);
    }

    private static void Require(string what, long found, long most)
    {
        if (found > most)
        {
            throw new HybridException(ErrorKind.Config, FormattableString.Invariant($"{Name}: {what}: {found:N0}; this service takes at most {most:N0}"));
        }
    }

    private static string? Allowed(string key, string? path, string setting, string? root)
    {
        if (path is null)
        {
            return null;
        }

        if (root is null)
        {
            throw new HybridException(ErrorKind.Config, $"{Name}: {key}: this service lets experiments read no files there ({ServiceSettings.Section}:{setting} is not set)");
        }

        string allowed = RealPath.Of(root), real = RealPath.Of(Path.Combine(root, path));
        return real == allowed || real.StartsWith(allowed + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? real
            : throw new HybridException(ErrorKind.Config, $"{Name}: {key}: expected a path in the folder that {ServiceSettings.Section}:{setting} names, found '{path}'");
    }
}
