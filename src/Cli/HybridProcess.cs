using System.Diagnostics;
using Hybrid.Orchestrator;

namespace Hybrid.Cli;

/// <summary>This program once more, in a process and a working folder of its own.</summary>
internal static class HybridProcess
{
    private const string Name = "hybrid";

    /// <summary>Time that it has to stop on its own: Ctrl-C reaches it, too, and it clears up after itself.</summary>
    private static readonly TimeSpan TimeToStop = TimeSpan.FromSeconds(10);

    /// <summary>Runs a command line; what it says on standard error is passed on line by line, its results are not shown.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="HybridException">Io: it cannot be started.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static int Run(IReadOnlyList<string> arguments, string workingFolder, CommandContext context)
    {
        (string program, string[] first) = Program();
        var start = new ProcessStartInfo(program, [.. first, .. arguments])
        {
            WorkingDirectory = workingFolder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Start(start);
        process.StandardInput.Close();
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
            {
                context.Error.Profile.Out.Writer.WriteLine(text);
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Wait(process, context.Cancellation);
        return process.ExitCode;
    }

    private static void Wait(Process process, CancellationToken cancellation)
    {
        try
        {
            process.WaitForExitAsync(cancellation).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            if (!process.WaitForExit(TimeToStop))
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }

            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new HybridException(ErrorKind.Io, $"{start.FileName}: cannot be started: {error.Message}", error);
        }
    }

    /// <summary>The published program is its own host; built but not published, and under tests, dotnet is.</summary>
    private static (string Program, string[] First) Program() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) switch
    {
        Name => (Environment.ProcessPath!, []),
        "dotnet" => (Environment.ProcessPath!, [Path.Combine(AppContext.BaseDirectory, Name + ".dll")]),
        _ => (Path.Combine(AppContext.BaseDirectory, Name), []),
    };
}
