using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Hybrid.Benchmarks;

/// <summary>A process that answers JSON objects, a line each: {"op": …} in, an answer or {"error": …} out.</summary>
internal sealed class JsonProcess : IDisposable
{
    private readonly Process process;
    private string lastError = "";

    private JsonProcess(Process process) => this.process = process;

    /// <summary>Starts it and asks for its versions, or says in one line why it cannot be had.</summary>
    public static JsonProcess? TryStart(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, out JsonObject versions, out string problem)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value.Length == 0 ? null : value;
        }

        versions = [];
        try
        {
            var started = new JsonProcess(Process.Start(start)!);
            started.process.ErrorDataReceived += (_, line) => started.lastError = line.Data is { Length: > 0 } text ? text : started.lastError;
            started.process.BeginErrorReadLine();
            try
            {
                versions = started.Ask(new JsonObject { ["op"] = "versions" });
                problem = "";
                return started;
            }
            catch (Exception error) when (error is IOException or InvalidOperationException)
            {
                problem = error.Message;
                started.Dispose();
                return null;
            }
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            problem = error.Message;
            return null;
        }
    }

    /// <summary>Asks and waits for the answer.</summary>
    /// <exception cref="InvalidOperationException">It answered with an error, or ended.</exception>
    public JsonObject Ask(JsonObject request)
    {
        process.StandardInput.WriteLine(request.ToJsonString());
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() is not { } line)
        {
            process.WaitForExit(2000); // its last words may be on their way
            throw new InvalidOperationException(lastError.Length > 0 ? lastError : "the process ended without an answer");
        }

        var answer = JsonNode.Parse(line)!.AsObject();
        return answer["error"] is { } error ? throw new InvalidOperationException($"{error}") : answer;
    }

    /// <summary>Ends it and waits until it is gone: what it held on a device is free then.</summary>
    public void Dispose()
    {
        process.StandardInput.Dispose();
        if (!process.WaitForExit(10_000))
        {
            process.Kill();
            process.WaitForExit();
        }

        process.Dispose();
    }
}
