using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Hybrid.TestSupport;

namespace Hybrid.Orchestrator.Tests.Reporting;

/// <summary>A headless Chromium with one page, spoken to by the DevTools protocol.</summary>
internal sealed class Browser : IDisposable
{
    /// <summary>Long, since a busy machine takes its time; what is asked for mostly comes at once.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly TemporaryFolder profile = new();
    private readonly ClientWebSocket socket = new();
    private readonly Process process;
    private readonly string session;
    private int lastId;

    public Browser()
    {
        // No proxy and no name resolution: whatever a page asked the network for would fail.
        process = Process.Start(new ProcessStartInfo(Chromium.Find()!)
        {
            ArgumentList =
            {
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-port=0", $"--user-data-dir={profile.Path}", "about:blank",
            },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        socket.ConnectAsync(Address(), CancellationToken.None).Wait(Patience);
        string target = (string)Ask("Target.createTarget", new JsonObject { ["url"] = "about:blank" }, null)["targetId"]!;
        session = (string)Ask("Target.attachToTarget", new JsonObject { ["targetId"] = target, ["flatten"] = true }, null)["sessionId"]!;
        foreach (string domain in (string[])["Runtime", "Log", "Page", "Network"])
        {
            Send($"{domain}.enable");
        }
    }

    /// <summary>Every event so far: its name and its parameters.</summary>
    public List<(string Name, JsonObject Parameters)> Events { get; } = [];

    /// <summary>Opens a file and waits until its scripts have run.</summary>
    public void Open(string path)
    {
        Send("Page.navigate", new JsonObject { ["url"] = new Uri(path).AbsoluteUri });
        Wait($"location.pathname === {JsonSerializer.Serialize(new Uri(path).AbsolutePath)} && document.readyState === 'complete'");
    }

    /// <summary>The page's width in pixels, and its theme.</summary>
    public void Show(int width, int height, string theme)
    {
        Send("Emulation.setDeviceMetricsOverride", new JsonObject { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = width < 500 });
        Send("Emulation.setEmulatedMedia", new JsonObject { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = theme }) });
        // Charts follow a new size in the frame after it.
        Evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 150))))");
    }

    /// <summary>The value of an expression, waited for where it is a promise.</summary>
    public JsonNode? Evaluate(string expression)
    {
        JsonObject answer = Send("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        return answer["exceptionDetails"] is { } failure ? throw new InvalidOperationException($"{expression}: {failure.ToJsonString()}") : answer["result"]!["value"];
    }

    /// <summary>A picture of the whole page.</summary>
    public void Photograph(string path)
    {
        JsonObject answer = Send("Page.captureScreenshot", new JsonObject { ["format"] = "png", ["captureBeyondViewport"] = true });
        File.WriteAllBytes(path, Convert.FromBase64String((string)answer["data"]!));
    }

    public JsonObject Send(string method, JsonObject? parameters = null) => Ask(method, parameters, session);

    public void Dispose()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        socket.Dispose();
        DeleteProfile();
    }

    /// <summary>The last of the browser's processes may still write while the folder goes.</summary>
    private void DeleteProfile()
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                profile.Dispose();
                return;
            }
            catch (IOException) when (attempt < 50)
            {
                Thread.Sleep(100);
            }
        }
    }

    private void Wait(string condition)
    {
        var clock = Stopwatch.StartNew();
        while (!(bool)Evaluate($"Boolean({condition})")!)
        {
            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException($"the page did not come to: {condition}");
            }

            Thread.Sleep(50);
        }
    }

    /// <summary>Where the browser listens; it writes port and path into its profile once it does.</summary>
    private Uri Address()
    {
        string file = profile.File("DevToolsActivePort");
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience && !process.HasExited; Thread.Sleep(50))
        {
            if (File.Exists(file) && File.ReadAllLines(file) is [string port, string path, ..])
            {
                return new Uri($"ws://127.0.0.1:{port}{path}");
            }
        }

        throw new TimeoutException($"{process.StartInfo.FileName} did not start");
    }

    /// <summary>Sends a command and reads until its answer; events on the way are kept.</summary>
    private JsonObject Ask(string method, JsonObject? parameters, string? to)
    {
        int id = ++lastId;
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (to is not null)
        {
            message["sessionId"] = to;
        }

        using var patience = new CancellationTokenSource(Patience);
        socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, patience.Token).GetAwaiter().GetResult();
        while (true)
        {
            JsonObject answer = Receive(patience.Token);
            if (answer["method"] is { } name)
            {
                Events.Add(((string)name!, (JsonObject)answer["params"]!));
            }
            else if ((int)answer["id"]! == id)
            {
                return answer["error"] is { } error ? throw new InvalidOperationException($"{method}: {error.ToJsonString()}") : (JsonObject)answer["result"]!;
            }
        }
    }

    private JsonObject Receive(CancellationToken patience)
    {
        using var whole = new MemoryStream();
        byte[] part = new byte[1 << 16];
        WebSocketReceiveResult received;
        do
        {
            received = socket.ReceiveAsync(new ArraySegment<byte>(part), patience).GetAwaiter().GetResult();
            whole.Write(part, 0, received.Count);
        }
        while (!received.EndOfMessage);
        return (JsonObject)JsonNode.Parse(whole.ToArray())!;
    }
}
