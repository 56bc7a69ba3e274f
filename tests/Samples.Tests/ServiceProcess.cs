using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>The service as a process of its own, on a port that was free, so that stopping and killing it are real.</summary>
internal sealed partial class ServiceProcess : IDisposable
{
    public const string Token = "0123456789abcdef0123456789abcdef";

    /// <summary>More than anything takes, on a machine with much else to do.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly TaskCompletionSource<Uri> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServiceProcess(string folder, string? token, IEnumerable<(string Key, string Value)> settings)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "UnlearningService.dll"), "--urls", "http://127.0.0.1:0", $"--UnlearningService:Folder={folder}"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(folder)!,
        };
        foreach ((string key, string value) in settings)
        {
            start.ArgumentList.Add($"--UnlearningService:{key}={value}");
        }

        start.Environment["UnlearningService__Token"] = token;
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Sends the token with every request.</summary>
    public HttpClient Client { get; } = new() { Timeout = Patience };

    /// <summary>Starts it and waits until it listens.</summary>
    public static ServiceProcess Start(string folder, params IEnumerable<(string Key, string Value)> settings)
    {
        var service = new ServiceProcess(folder, Token, settings);
        Assert.True(service.listening.Task.Wait(Patience) && !service.process.HasExited, service.Said);
        service.Client.BaseAddress = service.listening.Task.Result;
        service.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return service;
    }

    /// <summary>Starts it where it must refuse to; what it said.</summary>
    public static string Refused(string folder, string? token, params IEnumerable<(string Key, string Value)> settings)
    {
        using var service = new ServiceProcess(folder, token, settings);
        service.ExpectEnd(1, Patience);
        return service.Said;
    }

    /// <summary>What it has said on both outputs.</summary>
    public string Said
    {
        get
        {
            lock (said)
            {
                return said.ToString();
            }
        }
    }

    /// <summary>Submits an experiment that must be accepted; the run's id.</summary>
    public async Task<string> SubmitAsync(string yaml)
    {
        using HttpResponseMessage answer = await PostAsync(yaml);
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == 202, body);
        string id = (string)JsonNode.Parse(body)!["id"]!;
        Assert.Equal($"/runs/{id}", answer.Headers.Location!.OriginalString);
        return id;
    }

    /// <summary>Submits an experiment.</summary>
    public Task<HttpResponseMessage> PostAsync(string yaml) => Client.PostAsync("/runs", new StringContent(yaml, Encoding.UTF8, "application/yaml"));

    /// <summary>A run as the service tells it.</summary>
    public async Task<JsonObject> RunAsync(string id) => JsonNode.Parse(await Client.GetStringAsync($"/runs/{id}"))!.AsObject();

    /// <summary>Waits until a run is so; fails where it ends otherwise.</summary>
    public async Task<JsonObject> WaitAsync(string id, Func<JsonObject, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            JsonObject run = await RunAsync(id);
            if (condition(run))
            {
                return run;
            }

            Assert.True(run["ended"] is null && clock.Elapsed < Patience, $"{run}\n{Said}");
            await Task.Delay(20);
        }
    }

    /// <summary>Waits until a run has a status.</summary>
    public Task<JsonObject> WaitAsync(string id, string status) => WaitAsync(id, run => (string)run["status"]! == status);

    /// <summary>Stops it as a service manager does; it must end well, and soon.</summary>
    public void Stop()
    {
        using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        ExpectEnd(0, TimeSpan.FromSeconds(20)); // the host would give up waiting for runs after 30
    }

    /// <summary>Holds it to end by itself with an exit code.</summary>
    public void ExpectEnd(int code, TimeSpan within)
    {
        Assert.True(process.WaitForExit(within), $"it did not end\n{Said}");
        process.WaitForExit(); // for its last lines, too
        Assert.True(process.ExitCode == code, $"exit code {process.ExitCode}\n{Said}");
    }

    /// <summary>Kills it as SIGKILL does: it learns nothing of it.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            Kill();
        }

        Client.Dispose();
        process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null)
        {
            listening.TrySetResult(new Uri("http://127.0.0.1/")); // it has ended; whoever waits looks at that
            return;
        }

        lock (said)
        {
            said.AppendLine(line);
        }

        if (Listening().Match(line) is { Success: true } match)
        {
            listening.TrySetResult(new Uri(match.Groups[1].Value));
        }
    }

    [GeneratedRegex(@"Now listening on: (http://127\.0\.0\.1:[1-9][0-9]*)$")]
    private static partial Regex Listening();
}
