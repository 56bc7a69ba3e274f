using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Hybrid.Orchestrator;

namespace UnlearningService;

/// <summary>
/// All that the service knows, on disk: a folder a run, with <c>experiment.yaml</c> as it was submitted, <c>state.json</c>, and Hybrid's own <c>run/</c>.
/// Folder names are drawn here, and what a client calls a run is looked up among those that are known, so no request ever becomes a path.
/// </summary>
internal sealed partial class RunStore : IDisposable
{
    /// <summary>The experiment's file in a run's folder.</summary>
    public const string YamlFile = "experiment.yaml";

    private const string StateFile = "state.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectRequiredConstructorParameters = true, WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly string root;
    private readonly FileStream held;

    /// <summary>Opens the folder, which is made where it is missing, for this process alone.</summary>
    /// <exception cref="HybridException">Io: another service has it, or it cannot be used.</exception>
    public RunStore(string folder)
    {
        root = Path.GetFullPath(folder);
        try
        {
            Directory.CreateDirectory(root);
            held = new FileStream(Path.Combine(root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); // let go of with the process, however it ends
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{root}: cannot be used, or another service uses it: {error.Message}", error);
        }
    }

    /// <summary>Every run that was ever accepted, in the order of submission.</summary>
    /// <exception cref="HybridException">Io: a state that cannot be read.</exception>
    public IReadOnlyList<Run> Load() =>
    [
        .. Directory.EnumerateDirectories(root)
            .Where(folder => Id().IsMatch(Path.GetFileName(folder)) && File.Exists(Path.Combine(folder, StateFile))) // without a state it was never accepted
            .Select(folder => new Run(Path.GetFileName(folder), folder, Read(Path.Combine(folder, StateFile))))
            .OrderBy(run => run.State.Submitted),
    ];

    /// <summary>Takes a new run in. When this returns it is on disk.</summary>
    public Run Create(string yaml)
    {
        string id = RandomNumberGenerator.GetHexString(32, lowercase: true);
        string folder = Path.Combine(root, id);
        var state = new RunState(RunStatus.Queued, DateTime.UtcNow);
        Directory.CreateDirectory(folder);
        WriteWhole(Path.Combine(folder, YamlFile), yaml);
        Write(folder, state);
        return new Run(id, folder, state);
    }

    /// <summary>Writes a run's state, whole or not at all.</summary>
    public static void Write(string folder, RunState state) => WriteWhole(Path.Combine(folder, StateFile), JsonSerializer.Serialize(state, Json));

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private static RunState Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RunState>(File.ReadAllBytes(path), Json) ?? throw new JsonException("it holds null");
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: not a run's state: {error.Message}", error);
        }
    }

    private static void WriteWhole(string path, string text)
    {
        string temporary = path + ".tmp"; // one name: what a kill leaves is overwritten by the next
        using (var file = new FileStream(temporary, FileMode.Create))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    [GeneratedRegex("^[0-9a-f]{32}$")]
    private static partial Regex Id();
}
