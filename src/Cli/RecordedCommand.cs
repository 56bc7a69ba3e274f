using System.CommandLine;
using System.Text.Json;
using Hybrid.Cli.Commands;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Cli;

/// <summary>
/// The command line that repeats a recorded run. A record may be anybody's: only commands that make a model, an attack's results or an
/// experiment are taken, only with options that these have, and where the results go is ours to say.
/// </summary>
internal static class RecordedCommand
{
    private const string ExperimentPrefix = "run ";

    /// <summary>The arguments of <c>hybrid</c>.</summary>
    /// <param name="source">The record's file, for errors.</param>
    /// <param name="record">The record.</param>
    /// <param name="folder">Where the repetition's results go.</param>
    /// <param name="scratch">Where other files of the repetition may be written.</param>
    /// <exception cref="HybridException">Config: the record is not of a run that can be repeated, or asks for more than that.</exception>
    public static string[] For(string source, RunRecord record, string folder, string scratch)
    {
        if (record.Status != RunStatus.Finished)
        {
            throw new HybridException(ErrorKind.Config, $"{source}: the run is {KebabCase.Of(record.Status.ToString())}; expected a finished one");
        }

        if (!Directory.Exists(record.WorkingFolder))
        {
            throw new HybridException(ErrorKind.Config, $"{source}: workingFolder: there is no folder {record.WorkingFolder}, where the run was started and its paths begin");
        }

        return record.Command.StartsWith(ExperimentPrefix, StringComparison.Ordinal) ? Experiment(source, record, folder, scratch) : Single(source, record, folder);
    }

    private static string[] Single(string source, RunRecord record, string folder)
    {
        Action<Command, Func<ParseResult, CommandContext, int>> nothing = (_, _) => { };
        Command command = record.Command switch
        {
            "learn" => LearnCommand.Create(nothing),
            "unlearn" => UnlearnCommand.Create(nothing),
            "attack" => AttackCommand.Create(nothing),
            _ => throw new HybridException(ErrorKind.Config, $"{source}: command '{record.Command}' is none that can be repeated; expected learn, unlearn, attack or an experiment"),
        };
        string[] given = [.. record.Arguments];
        if (given.Select(NameOf).FirstOrDefault(RunRecorder.LeftOut.Contains) is { } writing)
        {
            throw new HybridException(ErrorKind.Config, $"{source}: arguments: {writing} says where results go, which a record does not; it is refused");
        }

        // What the machine's own number would be is not what it was.
        string[] threads = given.Any(argument => NameOf(argument) == "--threads") ? [] : [FormattableString.Invariant($"--threads={record.Threads}")];
        string[] all = [.. given, .. threads, $"--out={folder}"];
        ParseResult parsed = command.Parse(all, new ParserConfiguration { ResponseFileTokenReplacer = null });
        return parsed.Errors.Count == 0
            ? [record.Command, .. all]
            : throw new HybridException(ErrorKind.Config, $"{source}: arguments: {parsed.Errors[0].Message}");
    }

    /// <summary>The resolved settings are the whole experiment: they are read as strictly as a user's file, and written to one.</summary>
    private static string[] Experiment(string source, RunRecord record, string folder, string scratch)
    {
        ExperimentSettings settings = ExperimentYaml.Parse($"{source}: configuration", record.Configuration.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        string file = Path.Combine(scratch, "experiment.yaml");
        File.WriteAllText(file, ExperimentYaml.Write(settings));
        return ["run", file, $"--out={folder}"];
    }

    private static string NameOf(string argument) => argument.Split('=', ':')[0];
}
