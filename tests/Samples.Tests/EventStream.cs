using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>A run's server-sent events, read to their end.</summary>
internal sealed record EventStream(IReadOnlyList<(string Type, JsonObject Data)> Events)
{
    /// <summary>The statuses that were told, in order.</summary>
    public IEnumerable<string> Statuses => Of("status").Select(data => (string)data["status"]!);

    /// <summary>The steps that were told, in order.</summary>
    public JsonObject[] Steps => [.. Of("progress")];

    /// <summary>Reads until the service ends the stream.</summary>
    public static async Task<EventStream> ReadAsync(ServiceProcess service, string id)
    {
        using HttpResponseMessage answer = await service.Client.GetAsync($"/runs/{id}/events", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        var events = new List<(string, JsonObject)>();
        await foreach (SseItem<string> item in SseParser.Create(await answer.Content.ReadAsStreamAsync()).EnumerateAsync())
        {
            Assert.Null(item.EventId);
            events.Add((item.EventType, JsonNode.Parse(item.Data)!.AsObject()));
        }

        return new EventStream(events);
    }

    private IEnumerable<JsonObject> Of(string type) => Events.Where(one => one.Type == type).Select(one => one.Data);
}
