using Hybrid.Interop;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>What every command runs with: the console, and settings that hold for the whole process.</summary>
internal sealed class CommandContext(TextReader? input, IAnsiConsole output, IAnsiConsole error, CancellationToken cancellation)
{
    /// <summary>What is typed or piped in.</summary>
    public TextReader Input => input ?? Console.In;

    /// <summary>Whether somebody types it.</summary>
    public bool Interactive => input is null && !Console.IsInputRedirected;

    /// <summary>Results.</summary>
    public IAnsiConsole Output { get; } = output;

    /// <summary>Progress and messages, so that results can be piped.</summary>
    public IAnsiConsole Error { get; } = error;

    /// <summary>Cancelled by Ctrl-C or SIGTERM; a chat listens itself (<see cref="Interrupts"/>).</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Shows the steps of long work until it is disposed.</summary>
    public ConsoleProgress StartProgress() => new(Error);

    /// <summary>The same, and writes the steps as TensorBoard events where a folder for them is named.</summary>
    /// <exception cref="Hybrid.Orchestrator.HybridException">Io: events cannot be written there.</exception>
    public RunProgress StartProgress(string? eventsFolder) => new(StartProgress(), eventsFolder);

    /// <summary>A line of results as it stands, without markup and without wrapping.</summary>
    public void WriteLine(string text) => Output.Profile.Out.Writer.WriteLine(text);

    /// <summary>Puts the thread count into force for the calling thread, on which the command then computes: as asked, or one for each processor.</summary>
    public static void UseThreads(int? threads) => Runtime.Threads = threads ?? Environment.ProcessorCount;
}
