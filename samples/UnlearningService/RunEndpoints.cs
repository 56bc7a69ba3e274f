using System.Net.Mime;
using System.Text;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Microsoft.AspNetCore.Http.HttpResults;

namespace UnlearningService;

/// <summary>The HTTP API under <c>/runs</c>; README.md lists it.</summary>
internal static class RunEndpoints
{
    /// <summary>Maps it.</summary>
    public static void MapRuns(this WebApplication app)
    {
        RouteGroupBuilder runs = app.MapGroup("/runs");
        runs.MapPost("", SubmitAsync).Accepts<string>("application/yaml", "text/yaml");
        runs.MapGet("", (RunQueue queue) => TypedResults.Ok(queue.All.Select(run => run.View)));
        runs.MapGet("{id}", (string id, RunQueue queue) => OfRun(queue, id, run => TypedResults.Ok(run.View)));
        runs.MapGet("{id}/events", WatchAsync);
        runs.MapGet("{id}/report", (string id, RunQueue queue) => FileOf(queue, id, ReportFiles.PageName, "text/html; charset=utf-8"));
        runs.MapGet("{id}/results", (string id, RunQueue queue) => FileOf(queue, id, ResultsFile.Name, MediaTypeNames.Application.Json));
        runs.MapDelete("{id}", (string id, RunQueue queue) => OfRun(queue, id, run =>
        {
            run.Cancel();
            return TypedResults.Ok(run.View);
        }));
    }

    /// <summary>Takes an experiment in: 202 says that it is on disk and will be run, whatever happens to this process.</summary>
    private static async Task<Results<Accepted<RunView>, ProblemHttpResult>> SubmitAsync(HttpRequest request, Admission admission, RunQueue queue)
    {
        string yaml = await ReadAsync(request);
        admission.RequireAffordable(admission.Read(yaml));
        return queue.TryAdd(yaml) is { } run
            ? TypedResults.Accepted($"/runs/{run.Id}", run.View)
            : TypedResults.Problem("too many runs wait already; try again when one has ended", statusCode: StatusCodes.Status429TooManyRequests);
    }

    private static async Task<string> ReadAsync(HttpRequest request)
    {
        using var reader = new StreamReader(request.Body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        try
        {
            return await reader.ReadToEndAsync(request.HttpContext.RequestAborted);
        }
        catch (DecoderFallbackException error)
        {
            throw new BadHttpRequestException("expected the experiment's YAML in UTF-8", error);
        }
    }

    private static async Task<IResult> WatchAsync(string id, RunQueue queue, ServiceSettings settings, HttpContext context, IHostApplicationLifetime host)
    {
        if (queue.Find(id) is not { } run)
        {
            return NoSuchRun();
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, host.ApplicationStopping); // else a stop would wait for readers
        try
        {
            await new RunEvents(context.Response, run, settings.Heartbeat).SendAsync(end.Token);
        }
        catch (OperationCanceledException)
        {
            // The reader has left, or is to connect to the next process.
        }

        return Results.Empty;
    }

    private static IResult FileOf(RunQueue queue, string id, string name, string contentType) => OfRun(queue, id, run =>
        run.State.Status == RunStatus.Finished
            ? TypedResults.PhysicalFile(Path.Combine(run.WorkFolder, name), contentType)
            : TypedResults.Problem($"the run is {run.State.Status.ToString().ToLowerInvariant()}; only a finished one has that", statusCode: StatusCodes.Status409Conflict));

    private static IResult OfRun(RunQueue queue, string id, Func<Run, IResult> answer) => queue.Find(id) is { } run ? answer(run) : NoSuchRun();

    private static ProblemHttpResult NoSuchRun() => TypedResults.Problem("there is no such run", statusCode: StatusCodes.Status404NotFound);
}
