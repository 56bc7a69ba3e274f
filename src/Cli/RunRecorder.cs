using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Cli;

/// <summary>
/// Makes the record of a command's run, <c>run.json</c>: begun before the work, so that inputs that change meanwhile are noticed, and written
/// into what the work made.
/// </summary>
internal sealed class RunRecorder
{
    /// <summary>Options that say where results go or how they come about, and not what they are. A record does not hold them, and one that does is refused.</summary>
    public static IReadOnlyList<string> LeftOut { get; } = ["--out", "--overwrite", "--json", "--events", "--plan", "--device-memory", "--resume", "--checkpoint-minutes"];

    private readonly Stopwatch time = Stopwatch.StartNew();
    private readonly int threads = Runtime.Threads;
    private readonly ParseResult parsed;
    private readonly WatchedFiles inputs;

    private RunRecorder(ParseResult parsed, WatchedFiles inputs)
    {
        this.parsed = parsed;
        this.inputs = inputs;
    }

    /// <summary>Begins the record of a command that reads a dataset and whatever its options name; the threads are in force by now.</summary>
    public static RunRecorder Start(ParseResult parsed, DatasetFiles dataset) =>
        new(parsed, WatchedFiles.Begin([.. dataset.InputPaths, .. NamedFiles(parsed)]));

    /// <summary>Makes sure that a folder that may hold files already holds no other command's record, which this one's would replace.</summary>
    /// <exception cref="HybridException">Config: it does.</exception>
    public static void RequireNoOther(string folder, string command)
    {
        if (RunRecord.CommandIn(folder) is { } other && other != command)
        {
            throw new HybridException(ErrorKind.Config, $"{Path.Combine(folder, RunRecord.FileName)}: is not the record of a run of {command}; name another folder");
        }
    }

    /// <summary>The options that were given and that a record holds, each <c>--name</c> or <c>--name=value</c>.</summary>
    public static IReadOnlyList<string> ArgumentsOf(ParseResult parsed) =>
    [
        .. from result in parsed.CommandResult.Children.OfType<OptionResult>()
           where !result.Implicit && !LeftOut.Contains(result.Option.Name)
           from argument in result.Tokens.Count == 0 ? [result.Option.Name] : result.Tokens.Select(token => $"{result.Option.Name}={token.Value}")
           select argument,
    ];

    /// <summary>Writes the record of the finished run into the folder with what it made. Nothing stops it: the work is done, and hashing takes no longer than saving.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="outputs">The files that the run made there; null for all that are there.</param>
    /// <param name="seed">Where its chance came from.</param>
    /// <param name="device">Where it computed.</param>
    /// <param name="type">Element type of the weights.</param>
    /// <param name="configuration">The resolved settings.</param>
    /// <param name="result">What it found, in short, without times.</param>
    /// <exception cref="HybridException">Io: a file cannot be read or written.</exception>
    public void Write(string folder, IEnumerable<string>? outputs, ulong seed, Device device, ElementType type, object configuration, object result)
    {
        RunCircumstances now = RunCircumstances.Current;
        new RunRecord
        {
            Command = parsed.CommandResult.Command.Name,
            Arguments = ArgumentsOf(parsed),
            WorkingFolder = Directory.GetCurrentDirectory(),
            Status = RunStatus.Finished,
            Seeds = [seed],
            Configuration = RunRecord.NodeOf(configuration)!,
            Device = device.ToString(),
            ElementType = type.ToString().ToLowerInvariant(),
            Threads = threads,
            Versions = now.Versions,
            Machine = now.Machine,
            Environment = now.Environment,
            Inputs = inputs.End(),
            Outputs = FileDigest.In(folder, outputs ?? Directory.EnumerateFiles(folder)),
            Result = RunRecord.NodeOf(result),
            Started = DateTime.UtcNow - time.Elapsed,
            WallSeconds = Math.Round(time.Elapsed.TotalSeconds, 3),
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        }.Write(folder);
    }

    /// <summary>The files of the folders, and the files, that options other than the dataset's name.</summary>
    private static IEnumerable<string> NamedFiles(ParseResult parsed) =>
        from name in new[] { "--model", "--shape", "--tokenizer", "--config" }
        where parsed.CommandResult.Command.Options.Any(option => option.Name == name)
        let path = parsed.GetValue<string>(name)
        where path is not null
        from file in Directory.Exists(path) ? ModelFolder.InputFiles(path) : [path]
        select file;
}
