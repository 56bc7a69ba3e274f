using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator.Checkpoints;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// A folder with a file for each finished job of an attack, <c>fold0-rate1e-4.json</c>, so that an attack that was stopped goes on where it
/// stood. A file also holds the circumstances of its attack (settings, seed, the model's and the dataset's files with their sizes and times); a
/// file of other ones is an error, not a result.
/// </summary>
internal sealed class CurveFiles
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly string folder;
    private readonly JsonObject circumstances;
    private readonly TimeSpan checkpointInterval;
    private int reused;

    /// <summary>Makes the folder where it is not there.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="circumstances">What curves depend on, apart from fold and rate: an object whose properties JSON can hold.</param>
    /// <param name="checkpointInterval">Time between two checkpoints of a job under way.</param>
    /// <exception cref="HybridException">Io: the folder cannot be made.</exception>
    public CurveFiles(string folder, object circumstances, TimeSpan checkpointInterval)
    {
        this.checkpointInterval = checkpointInterval;
        this.folder = folder;
        this.circumstances = JsonSerializer.SerializeToNode(circumstances, Options)!.AsObject();
        Guarded(folder, () => Directory.CreateDirectory(folder));
    }

    /// <summary>Curves that were taken from files instead of computing them.</summary>
    public int Reused => reused;

    /// <summary>The file of a job.</summary>
    public string PathOf(int fold, double learningRate) =>
        Path.Combine(folder, $"fold{fold}-rate{learningRate.ToString("0.##############e+0", CultureInfo.InvariantCulture)}.json");

    /// <summary>The curve in a job's file, or null where there is no file.</summary>
    /// <exception cref="HybridException">Config: the file is malformed, or of another attack. Io: it cannot be read.</exception>
    public RelearningCurve? Read(int fold, double learningRate)
    {
        string path = PathOf(fold, learningRate);
        if (!File.Exists(path))
        {
            return null;
        }

        CurveFile file;
        try
        {
            file = JsonSerializer.Deserialize<CurveFile>(Guarded(path, () => File.ReadAllBytes(path)), Options) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Config, $"{path}: not a curve of an attack, {JsonFault.Of(error)}; delete the file to run the job again", error);
        }

        RequireSame(path, file.Circumstances);
        return file.Curve.Fold == fold && file.Curve.LearningRate == learningRate
            ? file.Curve
            : throw new HybridException(
                ErrorKind.Config, string.Create(CultureInfo.InvariantCulture, $"{path}: holds fold {file.Curve.Fold} at rate {file.Curve.LearningRate:R}; expected fold {fold} at {learningRate:R}"));
    }

    /// <summary>Writes a curve, whole or not at all.</summary>
    /// <exception cref="HybridException">Io.</exception>
    public void Write(RelearningCurve curve)
    {
        string path = PathOf(curve.Fold, curve.LearningRate);
        string text = JsonSerializer.Serialize(new CurveFile(circumstances, curve), Options) + "\n";
        AtomicFile.WriteText(path, text);
    }

    /// <summary>
    /// The curve of a job: from its file where there is one, else computed and, where there are files, written. A job that was stopped on its way
    /// goes on from its checkpoint, which lies beside where its file will.
    /// </summary>
    internal static RelearningCurve ReadOr(CurveFiles? files, int fold, double learningRate, Func<RunJournal?, RelearningCurve> compute)
    {
        if (files?.Read(fold, learningRate) is { } known)
        {
            Interlocked.Increment(ref files.reused);
            RunJournal.Discard(files.CheckpointsOf(fold, learningRate));
            return known;
        }

        if (files is null)
        {
            return compute(null);
        }

        using RunJournal journal = RunJournal.Open(files.CheckpointsOf(fold, learningRate), files.circumstances, files.checkpointInterval, JournalStart.Continue);
        RelearningCurve curve = compute(journal);
        files.Write(curve);
        journal.Finish();
        return curve;
    }

    private string CheckpointsOf(int fold, double learningRate) => Path.ChangeExtension(PathOf(fold, learningRate), ".checkpoint");

    private void RequireSame(string path, JsonObject found)
    {
        if (Circumstances.FirstDifference(found, circumstances) is var (key, kept, now))
        {
            throw new HybridException(ErrorKind.Config, $"{path}: of an attack with {key} {kept}, not {now}; name another folder or the same settings");
        }
    }

    private static T Guarded<T>(string path, Func<T> access)
    {
        try
        {
            return access();
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(path, "cannot be used", error);
        }
    }

    /// <summary>What a file holds.</summary>
    private sealed record CurveFile(JsonObject Circumstances, RelearningCurve Curve);
}
