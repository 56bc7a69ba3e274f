using System.CommandLine;
using System.CommandLine.Parsing;
using Hybrid.Cli.Commands;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>The whole command line: parses, runs, and turns whatever a command throws into one line and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Time that a cancelled command has to stop between two steps.</summary>
    private static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Columns of output that does not go to a terminal.</summary>
    private const int PlainWidth = 160;

    private static readonly Option<bool> Trace = new("--trace") { Description = "On an error, print the stack trace too.", Recursive = true };

    /// <summary>Runs the program; without an <paramref name="input"/> it reads the console, where a command reads at all.</summary>
    public static async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error, CancellationToken cancellation = default, TextReader? input = null)
    {
        var root = new RootCommand("""
            Makes large language models forget, and attacks the result to see whether they did (KUnBR, RTT).

            Start with:  hybrid demo
            """)
        {
            Trace,
        };
        // On a thread of its own: signals are only listened to once the action has given its task back.
        Action<Command, Func<ParseResult, CommandContext, int>> bind = (command, run) => command.SetAction(
            (parsed, stop) => Task.Run(() => Guarded(parsed, run, input, output, error, stop), CancellationToken.None));
        foreach (Command command in AllCommands.Create(bind))
        {
            root.Subcommands.Add(command);
        }

        ParseResult result = root.Parse(arguments);
        if (result.Errors.Count > 0)
        {
            await error.WriteLineAsync($"hybrid: {result.Errors[0].Message.ReplaceLineEndings(" ").TrimEnd('.')}; see {HelpOf(result.CommandResult)}");
            return ExitCode.Usage;
        }

        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // Ctrl-C is not the end of a chat, which listens itself.
            ProcessTerminationTimeout = result.CommandResult.Command.Name == ChatCommand.Name ? null : TerminationTimeout,
            Output = output,
            Error = error,
        };
        return await result.InvokeAsync(configuration, cancellation);
    }

    /// <summary>What to type for the help of a command: its own name after those of the commands it belongs to.</summary>
    private static string HelpOf(CommandResult result)
    {
        string names = string.Empty;
        for (SymbolResult? at = result; at is CommandResult { Command: not RootCommand } command; at = at.Parent)
        {
            names = $"{command.Command.Name} {names}";
        }

        return $"hybrid {names}--help";
    }

    private static int Guarded(ParseResult parsed, Func<ParseResult, CommandContext, int> run, TextReader? input, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        try
        {
            return run(parsed, new CommandContext(input, ConsoleOn(output), ConsoleOn(error), cancellation));
        }
        catch (Exception failure)
        {
            (int code, string line) = ExitCode.Of(failure);
            error.WriteLine($"hybrid: {line}");
            if (parsed.GetValue(Trace))
            {
                error.WriteLine(failure);
            }

            return code;
        }
    }

    /// <summary>Colours and rewritten lines on a terminal only; elsewhere plain text, wide enough for any table.</summary>
    private static IAnsiConsole ConsoleOn(TextWriter writer)
    {
        bool terminal = (ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected) || (ReferenceEquals(writer, Console.Error) && !Console.IsErrorRedirected);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!terminal)
        {
            console.Profile.Width = PlainWidth;
        }

        return console;
    }
}
