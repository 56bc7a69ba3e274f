using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>
/// Results of computations that change no weight, a line of JSON each, on disk as soon as they are there. A line that a death left unfinished
/// is cut off.
/// </summary>
internal sealed class KeptResults : IDisposable
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
    };

    private readonly string path;
    private readonly FileStream file;
    private readonly Dictionary<string, Line> lines = new(StringComparer.Ordinal);

    /// <summary>Opens the file, or makes it.</summary>
    /// <exception cref="HybridException">Config: a line is not a result.</exception>
    public KeptResults(string path)
    {
        this.path = path;
        byte[] bytes = File.Exists(path) ? File.ReadAllBytes(path) : [];
        int whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        foreach (string text in Encoding.UTF8.GetString(bytes, 0, whole).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Line line = Parse(() => JsonSerializer.Deserialize<Line>(text, Options) ?? throw new JsonException("null"));
            lines[line.Key] = line;
        }

        file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        file.SetLength(whole);
        file.Position = whole;
    }

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => lines.Count == 0;

    /// <summary>The result of that name, its progress told once more; false where there is none.</summary>
    public bool TryGet<T>(string key, IProgress<TrainingProgress>? progress, out T result)
    {
        if (!lines.TryGetValue(key, out Line? line))
        {
            result = default!;
            return false;
        }

        foreach (TrainingProgress step in line.Progress)
        {
            progress?.Report(step);
        }

        result = Parse(() => line.Result.Deserialize<T>(Options)!);
        return true;
    }

    /// <summary>Keeps a result.</summary>
    public void Keep<T>(string key, IReadOnlyList<TrainingProgress> progress, T result)
    {
        var line = new Line(key, progress, JsonSerializer.SerializeToElement(result, Options));
        file.Write(JsonSerializer.SerializeToUtf8Bytes(line, Options));
        file.WriteByte((byte)'\n');
        file.Flush(flushToDisk: true);
        lines[key] = line;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    private T Parse<T>(Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not the results of a run; delete its folder to begin anew: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private sealed record Line(string Key, IReadOnlyList<TrainingProgress> Progress, JsonElement Result);
}
