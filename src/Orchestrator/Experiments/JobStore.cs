using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator.Checkpoints;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>
/// Results of finished jobs, a file each, under the run folder's <c>jobs</c>. A result counts only for the inputs that it was made from: the
/// file carries a fingerprint of them, so that a changed experiment file repeats what the change touches, and nothing else.
/// </summary>
internal sealed class JobStore(string folder)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly ConcurrentDictionary<string, bool> used = new(StringComparer.Ordinal);

    /// <summary>The files of all results that were found or kept so far; what else lies there is left of an experiment that was changed since.</summary>
    public IEnumerable<string> Used => used.Keys.Where(File.Exists);

    /// <summary>A fingerprint of inputs: of their JSON.</summary>
    public static string Fingerprint(params object?[] inputs) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(inputs, Options)))[..32];

    /// <summary>The job's result with its seconds, null where there is none of these inputs.</summary>
    /// <exception cref="HybridException">Config: the job's file is damaged.</exception>
    public Finished<T>? Find<T>(Job<T> job)
        where T : class
    {
        string path = PathOf(job.Id);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            // Results of other inputs may be another version's, and are not looked at.
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.GetProperty("fingerprint").GetString() != job.Fingerprint)
            {
                return null;
            }

            used[path] = true;
            return document.Deserialize<Finished<T>>(Options);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not a job's result, {JsonFault.Of(error)}; delete the file to run the job again", error);
        }
    }

    /// <summary>Deletes the job's result, if there is one.</summary>
    public void Forget<T>(Job<T> job)
        where T : class
    {
        if (File.Exists(PathOf(job.Id)))
        {
            File.Delete(PathOf(job.Id));
        }
    }

    /// <summary>Keeps a result, whole or not at all.</summary>
    /// <exception cref="HybridException">Io.</exception>
    public void Keep<T>(Job<T> job, double seconds, T result)
        where T : class
    {
        string path = PathOf(job.Id);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(path, "the job's result cannot be kept", error);
        }

        used[path] = true;
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new Finished<T>(job.Fingerprint, seconds, result), Options) + "\n");
    }

    /// <summary>Where the job keeps its checkpoints while it is under way.</summary>
    public string CheckpointsOf<T>(Job<T> job)
        where T : class => Path.ChangeExtension(PathOf(job.Id), ".checkpoint");

    private string PathOf(string id) => Path.Combine(folder, "jobs", id + ".json");
}

/// <summary>A piece of an experiment that is run on its own.</summary>
/// <param name="Id">Where its result is kept: <c>seed1/kunbr-2/rtt-fold0-1e-4</c>.</param>
/// <param name="Fingerprint">Of everything that the result depends on.</param>
/// <param name="Work">Does it: survives its process by the journal, and may be stopped.</param>
internal sealed record Job<T>(string Id, string Fingerprint, Func<RunJournal, CancellationToken, T> Work)
    where T : class;

/// <summary>A job's file.</summary>
/// <param name="Fingerprint">Of its inputs.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Result">What it gave.</param>
internal sealed record Finished<T>(string Fingerprint, double Seconds, T Result)
    where T : class;
