using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Cli;

/// <summary>The options that say how often a run writes what it needs to survive its process, and whether it goes on with what is there.</summary>
internal sealed class CheckpointOptions
{
    private readonly Option<bool> resume = OptionKinds.Switch("--resume", "Go on with a run to the same output that was stopped or killed, from its newest checkpoint; the result is the same to the bit.");
    private readonly Option<double?> minutes = Interval();

    /// <summary>Both options.</summary>
    public IEnumerable<Option> All => [resume, minutes];

    /// <summary>The time between two checkpoints.</summary>
    public static Option<double?> Interval() => OptionKinds.Number(
        "--checkpoint-minutes", $"Minutes between two checkpoints; 0 for one after every step. Default: {RunJournal.UsualInterval.TotalMinutes:F0}.", zero: true);

    /// <summary>The time that such an option names.</summary>
    public static TimeSpan IntervalOf(double? minutes) => minutes is { } given ? TimeSpan.FromMinutes(Math.Min(given, TimeSpan.MaxValue.TotalMinutes / 2)) : RunJournal.UsualInterval;

    /// <summary>
    /// Whether the run to go on with has ended already, as its record in the output says: it was killed after its last write, or is asked for
    /// once more. Then that is told, and nothing is left to do.
    /// </summary>
    public bool HasEnded(ParseResult parsed, CommandContext context, string output, bool overwrite, string? json)
    {
        if (!parsed.GetValue(resume) || overwrite || RunJournal.IsIn(FolderOf(output)) || RunRecord.CommandIn(output) != parsed.CommandResult.Command.Name)
        {
            return false;
        }

        RunRecord record = RunRecord.Read(output);
        if (record.Status != RunStatus.Finished || record.WorkingFolder != Directory.GetCurrentDirectory() || !record.Arguments.SequenceEqual(RunRecorder.ArgumentsOf(parsed)))
        {
            return false;
        }

        RunJournal.Discard(FolderOf(output)); // of a process that died between its last write and this
        JsonOutput.Write(context, json, new { @out = output, hasEnded = true });
        context.Error.Profile.Out.Writer.WriteLine($"{output}: this run has ended already; nothing is left to do");
        return true;
    }

    /// <summary>
    /// Whether what stands where the output goes may be replaced: where that is asked for, or where this goes on with a run that died after it had
    /// put its result there.
    /// </summary>
    public bool MayReplace(ParseResult parsed, string output, bool overwrite) => overwrite || (parsed.GetValue(resume) && RunJournal.IsIn(FolderOf(output)));

    /// <summary>Opens the journal of a run beside its output; says where it goes on.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="context">Told of it.</param>
    /// <param name="output">The folder that the run will write.</param>
    /// <param name="overwrite">Whether a state that is there may be thrown away.</param>
    /// <param name="circumstances">What the run's result depends on.</param>
    /// <exception cref="HybridException">Config: a state is there and nothing says what to do with it, or it is another run's. Io.</exception>
    public RunJournal Open(ParseResult parsed, CommandContext context, string output, bool overwrite, object circumstances)
    {
        string folder = FolderOf(output);
        bool goesOn = parsed.GetValue(resume);
        if (!goesOn && !overwrite && RunJournal.HasStateIn(folder))
        {
            throw new HybridException(ErrorKind.Config, $"{folder}: a run to {output} was stopped there; --resume goes on with it, --overwrite begins anew");
        }

        RunJournal journal = RunJournal.Open(folder, circumstances, IntervalOf(parsed.GetValue(minutes)), goesOn ? JournalStart.Continue : JournalStart.Anew);
        if (goesOn)
        {
            context.Error.Profile.Out.Writer.WriteLine(journal.StepsBefore > 0 ? Tables.Text($"going on from {folder}; steps made before: {journal.StepsBefore}") : $"nothing to go on with in {folder}; beginning anew");
        }

        return journal;
    }

    private static string FolderOf(string output) => Path.TrimEndingDirectorySeparator(output) + ".checkpoint";
}
