using System.Diagnostics;

namespace Hybrid.Faults;

/// <summary>The published command line as a process of its own.</summary>
internal sealed class HybridProcess : IDisposable
{
    private readonly Process process;
    private readonly Task<string> output;
    private readonly Task<string> error;

    private HybridProcess(Process process)
    {
        this.process = process;
        output = process.StandardOutput.ReadToEndAsync();
        error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts it.</summary>
    public static HybridProcess Start(Surroundings surroundings, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(surroundings.Hybrid, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = surroundings.Scratch };
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        return new HybridProcess(Process.Start(start)!);
    }

    /// <summary>Runs it to its end, which must be good; returns what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(Surroundings surroundings, params IEnumerable<string> arguments)
    {
        using HybridProcess run = Start(surroundings, arguments);
        (int code, string output, string error) = run.End();
        return code == 0 ? output : throw new InvalidOperationException($"hybrid {string.Join(' ', arguments)}: exit code {code}: {error.Trim()}");
    }

    /// <summary>Waits so long; whether it has ended by itself.</summary>
    public bool EndsWithin(TimeSpan time) => process.WaitForExit(time);

    /// <summary>Kills it as SIGKILL does: it learns nothing of it.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>Waits for its end.</summary>
    public (int Code, string Output, string Error) End()
    {
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!process.HasExited)
        {
            Kill();
        }

        process.Dispose();
    }
}
