using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Hosting;
using UnlearningService;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
try
{
    ServiceSettings settings = ServiceSettings.Read(builder.Configuration);
    using var store = new RunStore(settings.Folder);

    builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // else every request takes six lines
    builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = settings.MostBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = settings.MostConnections;
    });
    builder.Services.AddHybrid(); // runs log to this host's loggers
    builder.Services.AddSingleton(settings);
    builder.Services.AddSingleton(new RunQueue(store, settings.MostQueued));
    builder.Services.AddSingleton<Admission>();
    builder.Services.AddHostedService<RunWorker>();
    builder.Services.AddProblemDetails();
    builder.Services.AddExceptionHandler<ErrorResponses>();
    builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase)));

    WebApplication app = builder.Build();
    app.UseExceptionHandler();
    app.UseStatusCodePages(); // so that a 404 of the router is a problem+json, too
    app.UseMiddleware<TokenGate>();
    app.MapGet(TokenGate.OpenPath, () => TypedResults.Ok(new { status = "healthy" }));
    app.MapRuns();
    RunWorker worker = app.Services.GetServices<IHostedService>().OfType<RunWorker>().Single();
    await app.RunAsync();
    return worker.ExecuteTask is { IsFaulted: true } ? 1 : 0; // the host has logged why and stopped; whoever started this process is to know
}
catch (HybridException error)
{
    await Console.Error.WriteLineAsync($"UnlearningService: {error.Message}");
    return 1;
}
