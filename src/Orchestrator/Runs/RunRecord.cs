using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Runs;

/// <summary>How a run stands or ended.</summary>
internal enum RunStatus
{
    /// <summary>Under way, or killed.</summary>
    Running,

    /// <summary>Ended with its result.</summary>
    Finished,

    /// <summary>Ended with an error.</summary>
    Failed,

    /// <summary>Stopped by its user.</summary>
    Cancelled,
}

/// <summary>
/// What was run, on what, with what, and what came of it: <c>run.json</c> in the folder that a run makes. It holds all that repeating the run
/// takes. Whoever reads one did not write it: it is data, checked as such, and nothing in it is believed.
/// </summary>
internal sealed record RunRecord
{
    /// <summary>Its name in a run's folder.</summary>
    public const string FileName = "run.json";

    /// <summary>More than any record needs, and little enough that a hostile one cannot exhaust memory.</summary>
    private const long LongestFile = 16_000_000;

    private const int Sha256Digits = 64;

    /// <summary>More characters than any path or option has.</summary>
    private const int LongestText = 8192;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    /// <summary>What was run: <c>learn</c>, <c>unlearn</c>, <c>attack</c>, or <c>run NAME</c> for an experiment.</summary>
    public required string Command { get; init; }

    /// <summary>The options as they were given, each <c>--name</c> or <c>--name=value</c>, without those that say where results go.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The folder that paths in the arguments and settings start from.</summary>
    public required string WorkingFolder { get; init; }

    /// <summary>How it stands.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>Where its chance came from.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>The settings, presets and options resolved.</summary>
    public required JsonNode Configuration { get; init; }

    /// <summary>cpu, cuda or cuda:N; null where the settings say it.</summary>
    public string? Device { get; init; }

    /// <summary>Element type of the weights; null where the settings say it.</summary>
    public string? ElementType { get; init; }

    /// <summary>Threads of one operation.</summary>
    public required int Threads { get; init; }

    /// <summary>The programs.</summary>
    public required RunVersions Versions { get; init; }

    /// <summary>Processor, number of processors, operating system.</summary>
    public required string Machine { get; init; }

    /// <summary>Variables that set up the libraries underneath.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>What it read; empty until it has ended.</summary>
    public required IReadOnlyList<FileDigest> Inputs { get; init; }

    /// <summary>What it wrote; empty until it has ended.</summary>
    public required IReadOnlyList<FileDigest> Outputs { get; init; }

    /// <summary>What it found, in short.</summary>
    public JsonNode? Result { get; init; }

    /// <summary>UTC.</summary>
    public required DateTime Started { get; init; }

    /// <summary>From the start to this record.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Of the whole process.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>What it ran with and on.</summary>
    [JsonIgnore]
    public RunCircumstances Circumstances => new(Versions, Machine, Environment);

    /// <summary>A value as JSON in the record's manner, for <see cref="Configuration"/> and <see cref="Result"/>.</summary>
    public static JsonNode? NodeOf(object? value) => JsonSerializer.SerializeToNode(value, Options);

    /// <summary>Writes it into a folder, whole or not at all.</summary>
    public void Write(string folder) => AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Options) + "\n");

    /// <summary>Reads a folder's.</summary>
    /// <exception cref="HybridException">Config: there is none, or it is malformed or another version's. Io: it cannot be read.</exception>
    public static RunRecord Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new HybridException(ErrorKind.Config, $"{path}: no such file; expected a folder that a run of this version made");
        }

        try
        {
            RunRecord record = JsonSerializer.Deserialize<RunRecord>(Bytes(path), Options) ?? throw new JsonException("null");
            HybridException.ThrowIfAny(ErrorKind.Config, path, record.Validate());
            return record;
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not the record of a run of this version: {WeightIndex.Shown(error.Message)}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>
    /// The command of the record in a folder; empty where it is no record, null where there is none. A record names it first, so that one that was cut
    /// off later still tells it.
    /// </summary>
    public static string? CommandIn(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(path) ? FirstCommand(new Utf8JsonReader(Bytes(path), isFinalBlock: false, state: default)) : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return string.Empty;
        }

        static string FirstCommand(Utf8JsonReader reader) =>
            reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.Read() && reader.ValueTextEquals("command") && reader.Read() && reader.TokenType == JsonTokenType.String
                ? reader.GetString()!
                : string.Empty;
    }

    /// <summary>The file's bytes; what has none, such as a pipe, which might never give any, is not opened.</summary>
    private static byte[] Bytes(string path) => new FileInfo(RealPath.Of(path)).Length switch
    {
        0 => throw new JsonException("it is empty"),
        > LongestFile and var length => throw new JsonException($"{length} bytes are more than any record has"),
        _ => File.ReadAllBytes(path),
    };

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Command.Length > LongestText || !IsPrintable(Command))
        {
            yield return $"command: expected a command, found '{Shown(Command)}'";
        }

        if (!Path.IsPathRooted(WorkingFolder) || !IsPrintable(WorkingFolder))
        {
            yield return $"workingFolder: expected a full path, found '{WeightIndex.Shown(WorkingFolder)}'";
        }

        if (Seeds.Count == 0 || Threads < 1)
        {
            yield return Invariant($"seeds and threads: expected at least one of each, found {Seeds.Count} and {Threads}");
        }

        if (Arguments.Where(argument => !IsOption(argument)).Take(1).ToArray() is [var strange])
        {
            yield return $"arguments: expected --name or --name=value, found '{Shown(strange)}'";
        }

        if (Inputs.Where(file => !IsDigest(file) || !IsPrintable(file.Path) || !Path.IsPathRooted(file.Path)).Take(1).ToArray() is [var input])
        {
            yield return $"inputs: expected a full path with length and SHA-256, found '{Shown(input?.Path)}'";
        }

        if (Outputs.Where(file => !IsDigest(file) || file.Sha256 is null || !IsInside(file.Path)).Take(1).ToArray() is [var output])
        {
            yield return $"outputs: expected a path in the run's folder with length and SHA-256, found '{Shown(output?.Path)}'";
        }

        string?[] shown = [Versions.Hybrid, Versions.Native, Versions.Dotnet, Machine, .. Environment.Keys, .. Environment.Values];
        if (shown.Any(text => text is null || text.Any(char.IsControl)))
        {
            yield return "versions, machine and environment: expected lines of text";
        }
    }

    // A list of a file may hold nulls, whatever its type says.
    private static bool IsOption(string? argument) => argument is { Length: > 2 and <= LongestText } && argument.StartsWith("--", StringComparison.Ordinal) && IsPrintable(argument);

    private static bool IsDigest(FileDigest? file) => file is { Bytes: >= 0 } && (file.Sha256 is null || (file.Sha256.Length == Sha256Digits && file.Sha256.All(char.IsAsciiHexDigitLower)));

    /// <summary>Whether a path stays in the folder that it starts from.</summary>
    private static bool IsInside(string path) => IsPrintable(path) && path.Split('/').All(part => part is not ("" or "." or "..") && !part.Contains('\\'));

    private static string Shown(string? text) => text is null ? "null" : WeightIndex.Shown(text);

    private static bool IsPrintable(string text) => text.Length > 0 && !text.Any(char.IsControl);
}
