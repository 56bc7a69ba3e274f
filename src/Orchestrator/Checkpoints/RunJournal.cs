using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>
/// What a run needs to survive its process: a folder with the newest checkpoint and the results so far. A run that goes on is the same
/// program from its start; training loops that were done before answer from here instead of computing, the loop that the checkpoint stands
/// in gets its weights back and goes on from the next step. Since all chance comes from the seed and the names of forks, nothing else needs to be
/// kept, and the end is the same to the bit. An instance belongs to one thread.
/// </summary>
public sealed class RunJournal : IDisposable
{
    /// <summary>Time between two checkpoints where nothing else is asked for.</summary>
    internal static readonly TimeSpan UsualInterval = TimeSpan.FromMinutes(10);

    private const string CircumstancesFile = "circumstances.json";
    private const string ResultsFile = "results.jsonl";
    private const string StatePattern = "checkpoint-*.safetensors";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly TimeSpan interval;
    private readonly FolderLock held;
    private readonly KeptResults results;
    private readonly List<StageFacts> stages = [];
    private readonly Stopwatch sinceSaved = Stopwatch.StartNew();
    private readonly StageFacts[] before = [];
    private StateFile? state;
    private int number;
    private int asked;

    private RunJournal(string folder, TimeSpan interval, FolderLock held)
    {
        Folder = folder;
        this.interval = interval;
        this.held = held;
        results = new KeptResults(Path.Combine(folder, ResultsFile));
        (state, before, number) = NewestWhole();
        StepsBefore = before.Sum(stage => stage.Losses.Count);
    }

    /// <summary>The journal's folder.</summary>
    internal string Folder { get; }

    /// <summary>Whether there is anything to go on with.</summary>
    internal bool HasState => number > 0 || !results.IsEmpty;

    /// <summary>Steps that earlier processes made and that are not made again.</summary>
    internal int StepsBefore { get; }

    /// <summary>Whether a checkpoint is due.</summary>
    internal bool IsDue => sinceSaved.Elapsed >= interval;

    /// <summary>Whether a run that did not end has left something in the folder.</summary>
    internal static bool IsIn(string folder) => File.Exists(Path.Combine(folder, CircumstancesFile));

    /// <summary>Whether that is anything to go on with: a checkpoint, or a result.</summary>
    internal static bool HasStateIn(string folder) =>
        IsIn(folder) && (Directory.EnumerateFiles(folder, StatePattern).Any() || new FileInfo(Path.Combine(folder, ResultsFile)) is { Exists: true, Length: > 0 });

    /// <summary>Deletes what a run left that ended, and whose process died before it could.</summary>
    /// <exception cref="HybridException">Io: the folder cannot be used, or another process works in it.</exception>
    internal static void Discard(string folder)
    {
        if (Directory.Exists(folder))
        {
            using RunJournal leftover = Open(folder, new { }, UsualInterval, JournalStart.Anew);
        }
    }

    /// <summary>Starts a run, or goes on with the one that the folder has the state of.</summary>
    /// <param name="folder">The journal's own; made where it is not there, deleted by <see cref="Finish"/>.</param>
    /// <param name="circumstances">What the run's result depends on: an object whose properties JSON can hold.</param>
    /// <param name="interval">Time between two checkpoints.</param>
    /// <param name="start">What to do with the state of another run, or of this one.</param>
    /// <exception cref="HybridException">Config: the state is of other circumstances; the message names them. Io: the folder cannot be used, or another process works in it.</exception>
    internal static RunJournal Open(string folder, object circumstances, TimeSpan interval, JournalStart start)
    {
        JsonObject wanted = JsonSerializer.SerializeToNode(circumstances, Options)!.AsObject();
        FolderLock? held = null;
        try
        {
            Directory.CreateDirectory(folder);
            held = FolderLock.Take(folder);
            if (start == JournalStart.Anew || (start == JournalStart.IfSame && IsIn(folder) && Difference(folder, wanted) is not null))
            {
                Empty(folder);
            }
            else if (IsIn(folder) && Difference(folder, wanted) is { } difference)
            {
                throw new HybridException(ErrorKind.Config, $"{folder}: holds the checkpoint of another run: {difference}; run it as it was, or begin anew");
            }

            AtomicFile.WriteText(Path.Combine(folder, CircumstancesFile), wanted.ToJsonString() + "\n");
            return new RunJournal(folder, interval, held);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new HybridException(ErrorKind.Io, $"{folder}: cannot be used for checkpoints: {error.Message}", error);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>The result of a computation that changes no weight: computed, or what an earlier process computed, its progress told once more.</summary>
    /// <param name="journal">The run's; null computes.</param>
    /// <param name="key">Names it; the same place in the program must ask for it under the same name.</param>
    /// <param name="progress">Told of its steps.</param>
    /// <param name="compute">Computes it, telling the progress that is given to it.</param>
    /// <exception cref="HybridException">Config: it should be there and is not.</exception>
    public static T Once<T>(RunJournal? journal, string key, IProgress<TrainingProgress>? progress, Func<IProgress<TrainingProgress>?, T> compute)
    {
        if (journal is null)
        {
            return compute(progress);
        }

        // The same may be asked several times, at different states of the model.
        string place = string.Create(CultureInfo.InvariantCulture, $"{++journal.asked} {key}");
        if (journal.results.TryGet(place, progress, out T known))
        {
            return known;
        }

        if (journal.stages.Count < journal.before.Length)
        {
            // The weights are those of the original here, until the checkpoint's stage is reached.
            throw new HybridException(ErrorKind.Config, $"{Path.Combine(journal.Folder, ResultsFile)}: lacks '{place}', which the checkpoint was made after; delete the folder to begin anew");
        }

        var steps = new List<TrainingProgress>();
        T result = compute(new SynchronousProgress<TrainingProgress>(step =>
        {
            steps.Add(step);
            progress?.Report(step);
        }));
        journal.results.Keep(place, steps, result);
        return result;
    }

    /// <summary>Deletes the state: the run has ended, and its result is where it belongs.</summary>
    internal void Finish()
    {
        Close();
        Empty(Folder);
    }

    /// <summary>Closes the files; the state stays for the next process, the folder only where there is a state.</summary>
    public void Dispose()
    {
        Close();
        if (!HasState)
        {
            Empty(Folder);
        }

        held.Dispose();
        if (Directory.Exists(Folder) && !Directory.EnumerateFileSystemEntries(Folder).Any())
        {
            Directory.Delete(Folder);
        }
    }

    /// <summary>A training loop begins. Loops begin in the same order in every process.</summary>
    /// <exception cref="HybridException">Config: the checkpoint is of a run with other loops.</exception>
    internal JournalStage Begin(string name)
    {
        int index = stages.Count;
        if (index < before.Length && before[index].Name != name)
        {
            throw new HybridException(ErrorKind.Config, $"{Folder}: the checkpoint's stage {index + 1} is '{before[index].Name}', the run's '{name}': the checkpoint is another run's; delete the folder to begin anew");
        }

        StagePlace place = index >= before.Length ? StagePlace.AfterCheckpoint : index == before.Length - 1 ? StagePlace.AtCheckpoint : StagePlace.BeforeCheckpoint;
        stages.Add(place == StagePlace.AfterCheckpoint ? new StageFacts(name, []) : before[index]);
        return new JournalStage(this, stages[index].Losses, place);
    }

    internal void Restore(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        state!.CopyTo(tensors);
        state.Dispose();
        state = null;
    }

    /// <summary>Writes a checkpoint; the one before goes once this one is on the disk.</summary>
    internal void Save(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        number++;
        string path = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{number:D8}.safetensors"));
        StateFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new StateFacts(stages), Options), tensors);
        foreach (string old in Directory.EnumerateFiles(Folder, "checkpoint-*").Where(file => file != path).ToArray())
        {
            File.Delete(old);
        }

        sinceSaved.Restart();
    }

    private void Close()
    {
        state?.Dispose();
        state = null;
        results.Dispose();
    }

    /// <summary>The newest checkpoint that is whole, and the highest number that one has.</summary>
    private (StateFile? State, StageFacts[] Stages, int Number) NewestWhole()
    {
        string[] files = [.. Directory.EnumerateFiles(Folder, StatePattern).OrderDescending(StringComparer.Ordinal)];
        int highest = files.Length == 0 ? 0 : NumberOf(files[0]);
        foreach (string file in files)
        {
            if (StateFile.TryOpen(file) is not { } found)
            {
                continue;
            }

            try
            {
                StateFacts facts = JsonSerializer.Deserialize<StateFacts>(found.Facts, Options) ?? throw new JsonException("null");
                return (found, [.. facts.Stages], highest);
            }
            catch (JsonException)
            {
                found.Dispose(); // damaged: an older one may be whole
            }
        }

        return (null, [], highest);
    }

    private static int NumberOf(string file) =>
        int.TryParse(Path.GetFileNameWithoutExtension(file)["checkpoint-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;

    /// <summary>What is other in the folder's circumstances, for people; null where nothing is.</summary>
    private static string? Difference(string folder, JsonObject wanted)
    {
        JsonObject? found;
        try
        {
            found = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, CircumstancesFile))) as JsonObject;
        }
        catch (JsonException)
        {
            found = null;
        }

        return found is null ? $"{CircumstancesFile} is damaged"
            : Circumstances.FirstDifference(found, wanted) is var (key, kept, now) ? $"{key} was {kept}, now is {now}"
            : null;
    }

    /// <summary>Deletes what a journal writes; the lock stays.</summary>
    private static void Empty(string folder)
    {
        AtomicFile.DeleteLeftovers(folder, SearchOption.TopDirectoryOnly);
        foreach (string file in new[] { CircumstancesFile, ResultsFile }.Select(name => Path.Combine(folder, name)).Concat(Directory.EnumerateFiles(folder, "checkpoint-*").ToArray()))
        {
            File.Delete(file);
        }
    }

    private sealed record StateFacts(IReadOnlyList<StageFacts> Stages);

    private sealed record StageFacts(string Name, List<StepLosses> Losses);
}

/// <summary>What a journal does with a state that it finds.</summary>
internal enum JournalStart
{
    /// <summary>Deletes it and begins anew.</summary>
    Anew,

    /// <summary>Goes on with it; it must be of the same circumstances.</summary>
    Continue,

    /// <summary>Goes on with it where it is of the same circumstances, else begins anew.</summary>
    IfSame,
}
