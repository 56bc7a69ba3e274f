using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace UnlearningService;

/// <summary>
/// A run as server-sent events: <c>status</c> with the whole run when its status changes, <c>progress</c> with the latest step, a comment in silence. Steps
/// come by the thousand, so the run's latest state is looked at a few times a second: what a slow reader misses is never kept for it. Every event tells
/// the present whole, hence events have no ids: who connects anew gets the present, and nothing of the past is worth replaying.
/// </summary>
internal sealed class RunEvents(HttpResponse response, Run run, TimeSpan heartbeat)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly JsonSerializerOptions json = response.HttpContext.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;

    /// <summary>Sends until the run has ended.</summary>
    /// <exception cref="OperationCanceledException">The reader has left, or the service is being stopped.</exception>
    public async Task SendAsync(CancellationToken cancellation)
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        using var timer = new PeriodicTimer(Interval);
        RunView? told = null;
        long last = Environment.TickCount64;
        do
        {
            RunView now = run.View;
            string events = Describe(told, now);
            if (events.Length == 0 && Environment.TickCount64 - last >= heartbeat.TotalMilliseconds)
            {
                events = ": still here\n\n";
            }

            if (events.Length > 0)
            {
                await response.WriteAsync(events, cancellation);
                await response.Body.FlushAsync(cancellation);
                last = Environment.TickCount64;
            }

            told = now;
        }
        while (told.Ended is null && await timer.WaitForNextTickAsync(cancellation));
    }

    private string Describe(RunView? told, RunView now)
    {
        string status = now.Status == told?.Status ? string.Empty : Event("status", now);
        string progress = now.Progress is null || now.Progress == told?.Progress ? string.Empty : Event("progress", now.Progress);
        return now.Ended is null ? status + progress : progress + status; // what ends the run comes last
    }

    private string Event<T>(string name, T value) => $"event: {name}\ndata: {JsonSerializer.Serialize(value, json)}\n\n";
}
