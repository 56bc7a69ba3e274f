using System.CommandLine;

namespace Hybrid.Cli.Commands;

/// <summary>The commands, in the order in which help shows them.</summary>
internal static class AllCommands
{
    /// <summary>Makes them; <c>bind</c> ties a command to what it runs.</summary>
    public static IEnumerable<Command> Create(Action<Command, Func<ParseResult, CommandContext, int>> bind) =>
    [
        DemoCommand.Create(bind),
        DataCommand.Create(bind),
        LearnCommand.Create(bind),
        DensityCommand.Create(bind),
        UnlearnCommand.Create(bind),
        AttackCommand.Create(bind),
        RunCommand.Create(bind),
        EvaluateCommand.Create(bind),
        GenerateCommand.Create(bind),
        ChatCommand.Create(bind),
        UtilityCommand.Create(bind),
        ReportCommand.Create(bind),
        TokenizeCommand.Create(bind),
        InspectCommand.Create(bind),
        DiffCommand.Create(bind),
        RepeatCommand.Create(bind),
        ParityCommand.Create(bind),
    ];
}
