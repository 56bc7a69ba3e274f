using Hybrid.Orchestrator;

namespace UnlearningService;

/// <summary>
/// The service's settings: the section <see cref="Section"/> of appsettings.json, environment variables (<c>UnlearningService__Token</c>) or the
/// command line (<c>--UnlearningService:Folder=/var/lib/unlearning</c>).
/// </summary>
internal sealed record ServiceSettings
{
    /// <summary>Its name in the configuration.</summary>
    public const string Section = "UnlearningService";

    private const int ShortestToken = 32;

    /// <summary>What every request but that for health must bring as its bearer token.</summary>
    public string? Token { get; init; }

    /// <summary>Where runs are kept.</summary>
    public string Folder { get; init; } = Path.Combine("runs", "service");

    /// <summary>The folder under which experiments may name models; none may where it is absent.</summary>
    public string? Models { get; init; }

    /// <summary>The folder under which experiments may name datasets, texts and the utility suite's tasks; none may where it is absent.</summary>
    public string? Data { get; init; }

    /// <summary>Runs at once; each has the jobs and threads that its experiment says.</summary>
    public int SideBySide { get; init; } = 1;

    /// <summary>Runs that wait, at most.</summary>
    public int MostQueued { get; init; } = 20;

    /// <summary>Starts of a run that ended with the process, at most: a run that takes the process down is not to do so for ever.</summary>
    public int MostStarts { get; init; } = 10;

    /// <summary>Bytes of an experiment's YAML, at most.</summary>
    public int MostBodyBytes { get; init; } = 64 * 1024;

    /// <summary>Connections at once, at most; everyone who watches a run holds one.</summary>
    public int MostConnections { get; init; } = 200;

    /// <summary>Settings of all methods times seeds, at most.</summary>
    public int MostSettings { get; init; } = 1000;

    /// <summary>Optimizer steps of an experiment, at most; teaching, which ends when it has succeeded, is not among them.</summary>
    public long MostSteps { get; init; } = 200_000;

    /// <summary>Passes of an experiment's own way of teaching, at most.</summary>
    public int MostTeachingEpochs { get; init; } = 200;

    /// <summary>Jobs times threads of an experiment, at most.</summary>
    public int MostThreads { get; init; } = 16;

    /// <summary>Bytes of tensors, at most, where the model is there already and can be planned for.</summary>
    public long MostMemoryBytes { get; init; } = 16L << 30;

    /// <summary>Bytes of models that a run writes, at most.</summary>
    public long MostDiskBytes { get; init; } = 64L << 30;

    /// <summary>Time between two checkpoints of a job under way: what a kill loses at most.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Silence after which those who watch a run are sent a sign of life.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Reads the section.</summary>
    /// <exception cref="HybridException">Config: an unknown key, or a value that has no meaning.</exception>
    public static ServiceSettings Read(IConfiguration configuration)
    {
        ServiceSettings settings;
        try
        {
            settings = configuration.GetSection(Section).Get<ServiceSettings>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new ServiceSettings();
        }
        catch (InvalidOperationException error)
        {
            throw new HybridException(ErrorKind.Config, $"configuration, section {Section}: {error.Message}", error);
        }

        HybridException.ThrowIfAny(ErrorKind.Config, $"configuration, section {Section}", settings.Validate());
        return settings;
    }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Token is null || Token.Length < ShortestToken)
        {
            yield return $"Token: expected at least {ShortestToken} characters, found {Token?.Length ?? 0}; export {Section}__Token=$(openssl rand -hex 32) makes one";
        }

        if (new long[] { SideBySide, MostQueued, MostStarts, MostBodyBytes, MostConnections, MostSettings, MostSteps, MostTeachingEpochs, MostThreads, MostMemoryBytes, MostDiskBytes }.Any(number => number < 1))
        {
            yield return "SideBySide and everything that begins with Most must be at least 1";
        }

        if (CheckpointInterval < TimeSpan.Zero || Heartbeat <= TimeSpan.Zero)
        {
            yield return $"CheckpointInterval {CheckpointInterval} must not be negative, and Heartbeat {Heartbeat} more than 0";
        }

        foreach ((string key, string? folder) in new[] { (nameof(Models), Models), (nameof(Data), Data) })
        {
            if (folder is not null && !Directory.Exists(folder))
            {
                yield return $"{key}: no folder '{folder}'";
            }
        }
    }
}
