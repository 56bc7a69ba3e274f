using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>An experiment's report as a file of its run folder: camel-case JSON, NaN as a string.</summary>
public static class ResultsFile
{
    /// <summary>Its name in a run folder.</summary>
    public const string Name = "results.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
    };

    /// <summary>Writes it, whole or not at all.</summary>
    internal static void Write(string runFolder, ExperimentReport report) =>
        AtomicFile.WriteText(Path.Combine(runFolder, Name), JsonSerializer.Serialize(report, Options) + "\n");

    /// <summary>Deletes it, if it is there.</summary>
    internal static void Delete(string runFolder) => File.Delete(Path.Combine(runFolder, Name));

    /// <summary>Reads it.</summary>
    /// <exception cref="HybridException">Config: there is no finished experiment in the folder, or the file is another version's or damaged.</exception>
    public static ExperimentReport Read(string runFolder)
    {
        string path = Path.Combine(runFolder, Name);
        if (!File.Exists(path))
        {
            throw new HybridException(ErrorKind.Config, $"{path}: no such file; expected the folder of a finished `hybrid run`");
        }

        try
        {
            return JsonSerializer.Deserialize<ExperimentReport>(File.ReadAllBytes(path), Options)
                ?? throw new HybridException(ErrorKind.Config, $"{path}: holds no report");
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not the results of this version, {JsonFault.Of(error)}; `hybrid run` writes them again", error);
        }
    }
}
