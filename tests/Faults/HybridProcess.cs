using System.Diagnostics;

namespace Hybrid.Faults;

/// <summary>How a command line ended.</summary>
/// <param name="Code">Exit code; 128 and the signal's number where one ended it.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record Ended(int Code, string Output, string Error)
{
    /// <summary>The lines that the program itself says of errors; notes and progress are others.</summary>
    public string[] Errors => [.. Error.Split('\n').Where(line => line.StartsWith("hybrid: ", StringComparison.Ordinal) && !line.StartsWith("hybrid: note: ", StringComparison.Ordinal))];
}

/// <summary>The published command line, run as users run it: a process of its own.</summary>
internal sealed class HybridProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly Process process;
    private readonly Task<string> output, error;

    /// <summary>Starts it.</summary>
    /// <param name="surroundings">Which program, and where.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="through">A program, with its arguments, that sets something up and then becomes the command line: <c>prlimit --as=…</c>.</param>
    /// <param name="environment">Variables to set.</param>
    public HybridProcess(Surroundings surroundings, string[] arguments, string[]? through = null, params (string Name, string Value)[] environment)
    {
        string[] line = [.. through ?? [], surroundings.Hybrid, .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = surroundings.Scratch };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        process = Process.Start(start)!;
        process.StandardInput.Close();
        output = process.StandardOutput.ReadToEndAsync();
        error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Runs a command line to its end.</summary>
    public static Ended Run(Surroundings surroundings, string[] arguments, string[]? through = null, params (string Name, string Value)[] environment)
    {
        using var run = new HybridProcess(surroundings, arguments, through, environment);
        return run.End();
    }

    /// <summary>Runs it to its end, which must be good; gives what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Good(Surroundings surroundings, params string[] arguments)
    {
        Ended ended = Run(surroundings, arguments);
        return ended.Code == 0 ? ended.Output : throw new InvalidOperationException($"hybrid {string.Join(' ', arguments)}: exit code {ended.Code}: {ended.Error.Trim()}");
    }

    /// <summary>Waits so long; whether it has ended by itself.</summary>
    public bool EndsWithin(TimeSpan time) => process.WaitForExit(time);

    /// <summary>Waits until something is so, or the process has ended; says which.</summary>
    public bool WaitUntil(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience && !process.HasExited; Thread.Sleep(2))
        {
            if (holds())
            {
                return true;
            }
        }

        return holds();
    }

    /// <summary>Ends it as a power cut would, without a word to it.</summary>
    public Ended Kill()
    {
        process.Kill();
        return End();
    }

    /// <summary>Waits for its end. What takes too long is killed, and that shows in the code.</summary>
    public Ended End()
    {
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        return new Ended(process.ExitCode, output.Result, error.Result);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        process.Dispose();
    }
}
