using System.Text.Json;
using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Runs;

/// <summary>A file of a run beside that of its repetition.</summary>
/// <param name="File">Its path in both folders.</param>
/// <param name="Problem">What is not the same, in a few words; null where nothing is.</param>
/// <param name="Fields">Where both are JSON: the values that are not the same.</param>
internal sealed record FileComparison(string File, string? Problem, IReadOnlyList<JsonDifference> Fields);

/// <summary>A model of a run beside that of its repetition, where the files of its weights are not the same.</summary>
/// <param name="Folder">Its path in both folders, empty for the folders themselves.</param>
/// <param name="Difference">What distinguishes them.</param>
internal sealed record ModelComparison(string Folder, ModelDiff Difference);

/// <summary>What distinguishes a run from its repetition.</summary>
internal sealed record RunComparison
{
    /// <summary>
    /// Fields of jobs' and attacks' results that say when, how fast or from where something was computed: seconds, fingerprints with the times of input
    /// files, and the report's provenance. They are not compared; everything else is.
    /// </summary>
    public static IReadOnlyList<string> Ignored { get; } = Array.AsReadOnly<string>(["seconds", "computeSeconds", "fingerprint", "inputFiles", "provenance"]);

    /// <summary>Every file that either wrote.</summary>
    public required IReadOnlyList<FileComparison> Files { get; init; }

    /// <summary>Models that are not the same.</summary>
    public required IReadOnlyList<ModelComparison> Models { get; init; }

    /// <summary>Resolved settings, seeds and findings of the two records that are not the same.</summary>
    public required IReadOnlyList<JsonDifference> Record { get; init; }

    /// <summary>Whether nothing differs.</summary>
    public bool Same => Record.Count == 0 && Files.All(file => file.Problem is null);

    /// <summary>Compares what two runs wrote.</summary>
    /// <param name="then">The run's record.</param>
    /// <param name="thenFolder">Its folder, whose files are those of the record.</param>
    /// <param name="now">The repetition's record.</param>
    /// <param name="nowFolder">Its folder.</param>
    /// <param name="cancellation">Checked between files and tensors.</param>
    /// <exception cref="HybridException">Io, ModelFile: a file cannot be read.</exception>
    public static RunComparison Of(RunRecord then, string thenFolder, RunRecord now, string nowFolder, CancellationToken cancellation = default)
    {
        FileComparison[] files =
        [
            .. from path in then.Outputs.Concat(now.Outputs).Select(file => file.Path).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
               select Compare(path, then.Outputs.FirstOrDefault(file => file.Path == path), thenFolder, now.Outputs.FirstOrDefault(file => file.Path == path), nowFolder, cancellation),
        ];
        return new RunComparison
        {
            Files = files,
            Models =
            [
                .. from folder in files.Where(file => file.Problem is not null && WeightShards.IsWeightsFile(Path.GetFileName(file.File))).Select(file => Path.GetDirectoryName(file.File)!).Distinct(StringComparer.Ordinal)
                   let a = Path.Combine(thenFolder, folder)
                   let b = Path.Combine(nowFolder, folder)
                   where Directory.Exists(a) && Directory.Exists(b)
                   select new ModelComparison(folder, ModelDiff.Compare(a, b, cancellation)),
            ],
            Record = [.. JsonDifference.Between(Comparable(then), Comparable(now), Ignored)],
        };
    }

    private static JsonObject Comparable(RunRecord record) => new()
    {
        ["seeds"] = RunRecord.NodeOf(record.Seeds),
        ["configuration"] = record.Configuration.DeepClone(),
        ["result"] = record.Result?.DeepClone(),
    };

    private static FileComparison Compare(string path, FileDigest? then, string thenFolder, FileDigest? now, string nowFolder, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (then is null || now is null)
        {
            return new FileComparison(path, then is null ? "only the repetition has it" : "only the run has it", []);
        }

        if (then.Sha256 == now.Sha256)
        {
            return new FileComparison(path, null, []);
        }

        // A model's own files must be the same to the last byte.
        if (Path.GetExtension(path) != ".json" || ModelFolder.IsModelFile(Path.GetFileName(path)))
        {
            return new FileComparison(path, then.Bytes == now.Bytes ? "other bytes" : $"{now.Bytes} bytes, the run's has {then.Bytes}", []);
        }

        JsonDifference[] fields = [.. JsonDifference.Between(Parse(Path.Combine(thenFolder, path)), Parse(Path.Combine(nowFolder, path)), Ignored)];
        return new FileComparison(path, fields.Length == 0 ? null : $"{fields.Length} values differ", fields);
    }

    private static JsonNode? Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), nodeOptions: null, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not JSON: {WeightIndex.Shown(error.Message)}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: cannot be read: {error.Message}", error);
        }
    }
}
