using System.Net;
using System.Text.Json.Nodes;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>Runs wait, are cancelled, and are not forgotten.</summary>
public sealed class QueueTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task RunsWaitTheirTurnAreCancelledAndTooManyAreRefused()
    {
        string first, second, third;
        using (ServiceProcess service = ServiceProcess.Start(folder.File("runs"), ("MostQueued", "1"), ("Heartbeat", "00:00:00.3")))
        {
            first = await service.SubmitAsync(Experiments.Long);
            await service.WaitAsync(first, run => run["progress"] is not null);
            second = await service.SubmitAsync(Experiments.Long);
            using (HttpResponseMessage full = await service.PostAsync(Experiments.Long))
            {
                await Problem.ExpectAsync(full, 429, "too many runs wait already");
            }

            Assert.Equal("queued", (string)(await service.RunAsync(second))["status"]!);
            await SignOfLifeAsync(service, second);
            await Problem.ExpectAsync(await service.Client.GetAsync($"/runs/{first}/report"), 409, "the run is running");
            await Problem.ExpectAsync(await service.Client.GetAsync($"/runs/{second}/results"), 409, "the run is queued");

            Assert.Equal("cancelled", await CancelAsync(service, second));
            Assert.Equal("cancelled", await CancelAsync(service, second));
            third = await service.SubmitAsync(Experiments.Long); // one has left the queue
            Task<EventStream> watched = EventStream.ReadAsync(service, first);
            Assert.Equal("cancelled", await CancelAsync(service, first));
            Assert.Equal("cancelled", (await watched).Statuses.Last());
            await service.WaitAsync(third, run => run["progress"] is not null);

            using HttpResponseMessage open = await service.Client.GetAsync($"/runs/{third}/events", HttpCompletionOption.ResponseHeadersRead);
            service.Stop(); // whom somebody watches, too
        }

        using ServiceProcess again = ServiceProcess.Start(folder.File("runs"));
        JsonArray all = JsonNode.Parse(await again.Client.GetStringAsync("/runs"))!.AsArray();
        Assert.Equal([first, second, third], all.Select(run => (string)run!["id"]!));
        Assert.Equal(["cancelled", "cancelled"], all.Take(2).Select(run => (string)run!["status"]!));
        await again.WaitAsync(third, "running");
        Assert.Equal("cancelled", await CancelAsync(again, third));
        await Problem.ExpectAsync(await again.Client.GetAsync($"/runs/{third}/report"), 409, "the run is cancelled");
    }

    [Fact]
    public async Task RunsGoSideBySideAndOneThatTakesTheProcessDownIsGivenUp()
    {
        string[] ids;
        using (ServiceProcess service = ServiceProcess.Start(folder.File("runs"), ("SideBySide", "2")))
        {
            ids = [await service.SubmitAsync(Experiments.Long), await service.SubmitAsync(Experiments.Long)];
            foreach (string id in ids)
            {
                await service.WaitAsync(id, run => (string)run["status"]! == "running" && run["progress"] is not null);
            }

            Assert.Equal("running", (string)(await service.RunAsync(ids[0]))["status"]!);
            service.Kill();
        }

        using ServiceProcess again = ServiceProcess.Start(folder.File("runs"), ("MostStarts", "1"));
        foreach (string id in ids)
        {
            JsonObject run = await again.WaitAsync(id, "failed");
            Assert.Equal("began 1 times, and each time the process ended with it", (string)run["error"]!);
        }
    }

    [Fact]
    public async Task ARunThatFailsSaysWhyAndTheNextOneRuns()
    {
        using ServiceProcess service = ServiceProcess.Start(folder.File("runs"));
        string blocker = await service.SubmitAsync(Experiments.Long), id = await service.SubmitAsync(Experiments.Small);
        await File.WriteAllTextAsync(folder.File($"runs/{id}/run"), "no folder"); // before its turn
        await CancelAsync(service, blocker);
        JsonObject run = await service.WaitAsync(id, "failed");
        Assert.Contains($"runs/{id}/run: ", (string)run["error"]!, StringComparison.Ordinal);
        await CancelAsync(service, id);
        Assert.Equal("failed", (string)(await service.RunAsync(id))["status"]!); // what has ended is not cancelled

        string next = await service.SubmitAsync(Experiments.Long);
        await service.WaitAsync(next, "running");
    }

    [Fact]
    public async Task AServiceThatCannotKeepItsStateEndsAndSaysSo()
    {
        using ServiceProcess service = ServiceProcess.Start(folder.File("runs"));
        string blocker = await service.SubmitAsync(Experiments.Long), id = await service.SubmitAsync(Experiments.Small);
        Directory.CreateDirectory(folder.File($"runs/{id}/state.json.tmp")); // in the place of the file that would be written
        await CancelAsync(service, blocker);
        service.ExpectEnd(1, ServiceProcess.Patience);
        Assert.Contains($"{id}/state.json.tmp", service.Said, StringComparison.Ordinal);
    }

    private static async Task<string> CancelAsync(ServiceProcess service, string id)
    {
        using HttpResponseMessage answer = await service.Client.DeleteAsync($"/runs/{id}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!;
    }

    /// <summary>Where nothing happens, a comment comes.</summary>
    private static async Task SignOfLifeAsync(ServiceProcess service, string id)
    {
        using var reader = new StreamReader(await service.Client.GetStreamAsync($"/runs/{id}/events"));
        Assert.Equal("event: status", await reader.ReadLineAsync());
        Assert.StartsWith("data: {", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal(string.Empty, await reader.ReadLineAsync());
        Assert.Equal(": still here", await reader.ReadLineAsync());
    }
}
