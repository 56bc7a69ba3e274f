using System.CommandLine;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Cli.Commands;

/// <summary><c>hybrid data</c>: makes and inspects datasets; the commands that inspect have files of their own.</summary>
internal static class DataCommand
{
    private const int PublishedPeople = 785;

    public static Command Create(Action<Command, Func<ParseResult, CommandContext, int>> bind) => new("data", """
        Makes and inspects datasets.

        Example:  hybrid data make-birthdays --out data
        """)
    {
        MakeBirthdays(bind), DataCheckCommand.Create(bind), DataStatsCommand.Create(bind),
    };

    private static Command MakeBirthdays(Action<Command, Func<ParseResult, CommandContext, int>> bind)
    {
        Option<int?> people = OptionKinds.Count(
            "--people", $"People to forget, and as many to retain; default: {BirthdayMaker.UsualPeoplePerHalf}. The published set has {PublishedPeople}.", BirthdayMaker.LeastPeoplePerHalf);
        Option<ulong> seed = OptionKinds.Seed("--seed", "The seed that decides everything.");
        Option<string> output = CommonOptions.Out("The data folder to make random_bd in.");
        Option<bool> overwrite = CommonOptions.Overwrite();
        Option<string?> json = CommonOptions.Json();
        var command = new Command("make-birthdays", """
            Makes up people with random birth years, as questions and as texts, in the layout of RTT's random_bd: splits 0–4 to
            forget, 5–9 to retain.

            Example:  hybrid data make-birthdays --people 157 --seed 1 --out data
            """)
        {
            people, seed, output, overwrite, json,
        };
        bind(command, (parsed, context) =>
        {
            JsonOutput.Check(parsed.GetValue(json));
            int count = parsed.GetValue(people) ?? BirthdayMaker.UsualPeoplePerHalf;
            string folder = BirthdayMaker.Write(parsed.GetValue(output)!, count, parsed.GetValue(seed), parsed.GetValue(overwrite));
            JsonOutput.Write(context, parsed.GetValue(json), new { folder, people = count, seed = parsed.GetValue(seed) });
            if (parsed.GetValue(json) != JsonOutput.StandardOutput)
            {
                context.WriteLine($"{folder}: {count} people to forget, {count} to retain");
            }

            return ExitCode.Success;
        });
        return command;
    }
}
