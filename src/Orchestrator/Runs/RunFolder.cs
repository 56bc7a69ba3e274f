using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// The folder of one run: <c>run.json</c> (what was run, on what, how it ended), <c>metrics.jsonl</c> (a line an event, as it happens) and
/// whatever the run puts beside them.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>The events of the run.</summary>
    public const string MetricsFile = "metrics.jsonl";

    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly Stopwatch time = Stopwatch.StartNew();
    private readonly FolderLock held;
    private readonly LineFile? metrics;
    private readonly object configuration;
    private readonly IReadOnlyList<ulong> seeds;
    private readonly IReadOnlyList<string> arguments;

    private RunFolder(string path, string command, object configuration, IReadOnlyList<ulong> seeds, IReadOnlyList<string>? arguments, bool append)
    {
        FullPath = path;
        Command = command;
        this.configuration = configuration;
        this.seeds = seeds;
        this.arguments = arguments ?? [];
        held = FolderLock.Take(path);
        try
        {
            AtomicFile.DeleteLeftovers(path, SearchOption.AllDirectories);
            Write(RunStatus.Running); // first: a folder with anything but a record in it could not be continued
            metrics = new LineFile(Path.Combine(path, MetricsFile), append);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The folder.</summary>
    public string FullPath { get; }

    /// <summary>What is run.</summary>
    public string Command { get; }

    /// <summary>Starts a run in a folder that does not exist yet, or is empty.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="command">What is run.</param>
    /// <param name="configuration">The settings: an object whose properties JSON can hold.</param>
    /// <param name="seeds">Where its chance comes from.</param>
    /// <param name="arguments">The options that were given, for the record; null for none.</param>
    /// <exception cref="HybridException">Io: the folder holds something already, or cannot be made.</exception>
    public static RunFolder Create(string path, string command, object configuration, IReadOnlyList<ulong> seeds, IReadOnlyList<string>? arguments = null) => Open(path, full =>
        Holds(full, command) is null ? new RunFolder(full, command, configuration, seeds, arguments, append: false) : throw new HybridException(ErrorKind.Io, $"{path}: holds something already; a run wants a folder of its own"));

    /// <summary>Starts a run as <see cref="Create"/> does, or goes on with one of the same command in its folder.</summary>
    /// <exception cref="HybridException">Io: the folder holds something else, another process runs in it, or it cannot be made.</exception>
    public static RunFolder CreateOrContinue(string path, string command, object configuration, IReadOnlyList<ulong> seeds, IReadOnlyList<string>? arguments = null) => Open(path, full =>
    {
        string? held = Holds(full, command);
        return held is null || held == command
            ? new RunFolder(full, command, configuration, seeds, arguments, append: held is not null)
            : throw new HybridException(ErrorKind.Io, $"{path}: holds {(held.Length > 0 ? $"a run of '{held}'" : "something that is no run")}; a run of '{command}' wants a folder of its own");
    });

    /// <summary>Appends one event. Safe to call from several threads.</summary>
    /// <exception cref="HybridException">Io: the disk is full, or the like.</exception>
    public void Log(string kind, object value) =>
        metrics!.Append(JsonSerializer.Serialize(new { kind, seconds = Math.Round(time.Elapsed.TotalSeconds, 3), value }, Lines));

    /// <summary>Runs the work and records how it ended: finished with its result, failed, or cancelled. Where an ending other than the first cannot be recorded, the work's error is told all the same.</summary>
    /// <param name="work">The work.</param>
    /// <param name="inShort">What the record holds of the result; null for all of it.</param>
    /// <param name="files">The files whose digests the record holds; null for none.</param>
    public T Record<T>(Func<T> work, Func<T, object>? inShort = null, RunFiles? files = null)
        where T : notnull
    {
        try
        {
            WatchedFiles read = files is null ? WatchedFiles.None : WatchedFiles.Begin(files.Inputs());
            T result = work();
            Write(RunStatus.Finished, inShort is null ? result : inShort(result), inputs: read.End(), outputs: FileDigest.In(FullPath, files?.Outputs() ?? []));
            return result;
        }
        catch (OperationCanceledException)
        {
            TryWrite(RunStatus.Cancelled);
            throw;
        }
        catch (Exception error)
        {
            TryWrite(RunStatus.Failed, error.Message);
            throw;
        }
    }

    /// <summary>Closes the metrics, and lets others into the folder.</summary>
    public void Dispose()
    {
        metrics?.Dispose();
        held.Dispose();
    }

    private void TryWrite(RunStatus status, string? error = null)
    {
        try
        {
            Write(status, error: error);
        }
        catch (HybridException)
        {
            // The disk is full, for one, and that is most likely the work's error, too: it matters more.
        }
    }

    private void Write(RunStatus status, object? result = null, string? error = null, IReadOnlyList<FileDigest>? inputs = null, IReadOnlyList<FileDigest>? outputs = null)
    {
        RunCircumstances now = RunCircumstances.Current;
        new RunRecord
        {
            Command = Command,
            Arguments = arguments,
            WorkingFolder = Directory.GetCurrentDirectory(),
            Status = status,
            Error = error,
            Seeds = seeds,
            Configuration = RunRecord.NodeOf(configuration)!,
            Threads = Runtime.Threads,
            Versions = now.Versions,
            Machine = now.Machine,
            Environment = now.Environment,
            Inputs = inputs ?? [],
            Outputs = outputs ?? [],
            Result = RunRecord.NodeOf(result),
            Started = DateTime.UtcNow - time.Elapsed,
            WallSeconds = Math.Round(time.Elapsed.TotalSeconds, 3),
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        }.Write(FullPath);
    }

    private static RunFolder Open(string path, Func<string, RunFolder> open)
    {
        try
        {
            string full = Path.GetFullPath(path);
            Directory.CreateDirectory(full);
            return open(full);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(path, "cannot be used for a run", error);
        }
    }

    /// <summary>The command of the run in a folder; empty where what is in it is no run, null where nothing is.</summary>
    private static string? Holds(string full, string command)
    {
        if (Directory.EnumerateFileSystemEntries(full).All(entry => Path.GetFileName(entry) == FolderLock.FileName || AtomicFile.IsLeftover(entry)))
        {
            return null;
        }

        return RunRecord.CommandIn(full) switch
        {
            null => string.Empty,
            "" => throw new HybridException(ErrorKind.Io, $"{Path.Combine(full, RunRecord.FileName)}: damaged, it does not begin with {{\"command\": \"…\"; to go on with a run of '{command}' in this folder write {{\"command\": {JsonSerializer.Serialize(command)}}} into it, or name another folder"),
            var found => found,
        };
    }
}

/// <summary>The files that a run reads and writes, each asked for when it is time: what is read before the work, what is written after it.</summary>
/// <param name="Inputs">Whatever of them is there is an input.</param>
/// <param name="Outputs">In the run's folder.</param>
internal sealed record RunFiles(Func<IEnumerable<string>> Inputs, Func<IEnumerable<string>> Outputs);
