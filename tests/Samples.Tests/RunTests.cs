using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Experiments;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>A run that nobody disturbs, for all who compare with it. Its service keeps running.</summary>
public sealed class FinishedRun : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();

    internal ServiceProcess Service { get; private set; } = null!;

    internal string Id { get; private set; } = string.Empty;

    /// <summary>Hybrid's folder of the run.</summary>
    internal string WorkFolder => folder.File($"runs/{Id}/run");

    internal EventStream Events { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Service = ServiceProcess.Start(folder.File("runs"), ("MostSteps", "100000"), ("MostTeachingEpochs", "50"));
        Id = await Service.SubmitAsync(Experiments.Small);
        Events = await EventStream.ReadAsync(Service, Id);
    }

    public Task DisposeAsync()
    {
        Service.Dispose();
        folder.Dispose();
        return Task.CompletedTask;
    }
}

[CollectionDefinition(Name)]
public sealed class FinishedRunCollection : ICollectionFixture<FinishedRun>
{
    public const string Name = "finished run";
}

/// <summary>From the request to the report, undisturbed and disturbed.</summary>
[Collection(FinishedRunCollection.Name)]
public sealed class RunTests(FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task EventsLeadToTheEnd()
    {
        Assert.Equal("status", finished.Events.Events[0].Type);
        string[] statuses = [.. finished.Events.Statuses];
        Assert.Equal("finished", statuses[^1]);
        Assert.All(statuses[..^1], status => Assert.Contains(status, new[] { "queued", "running" }));
        Assert.Equal(("status", "finished"), (finished.Events.Events[^1].Type, (string)finished.Events.Events[^1].Data["status"]!));

        Assert.True(finished.Events.Steps.Length >= 2, $"only {finished.Events.Steps.Length} steps were told");
        Assert.All(finished.Events.Steps, step => Assert.InRange((int)step["step"]!, 1, (int)step["totalSteps"]!));
        Assert.Contains(finished.Events.Steps, step => ((string)step["stage"]!).Contains("teach", StringComparison.Ordinal) && (double)step["loss"]! > 0);

        EventStream afterwards = await EventStream.ReadAsync(finished.Service, finished.Id); // who comes late learns the end at once
        Assert.Equal(["progress", "status"], afterwards.Events.Select(one => one.Type));
    }

    [Fact]
    public async Task ReportAndResultsAreFetched()
    {
        JsonObject run = await finished.Service.RunAsync(finished.Id);
        Assert.Equal(("finished", null), ((string)run["status"]!, (string?)run["error"]));
        Assert.True((DateTime)run["submitted"]! <= (DateTime)run["started"]! && (DateTime)run["started"]! < (DateTime)run["ended"]!);

        using HttpResponseMessage report = await finished.Service.Client.GetAsync($"/runs/{finished.Id}/report");
        Assert.Equal("text/html", report.Content.Headers.ContentType!.MediaType);
        string page = await report.Content.ReadAsStringAsync();
        Assert.StartsWith("<!doctype html>", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("A small &lt;experiment&gt;", page, StringComparison.Ordinal);

        await File.WriteAllBytesAsync(folder.File(ResultsFile.Name), await finished.Service.Client.GetByteArrayAsync($"/runs/{finished.Id}/results"));
        ExperimentReport results = ResultsFile.Read(folder.Path);
        Assert.Equal(["GD", "KUnBR"], results.Methods.Select(method => method.Label));
        Assert.Equal(10, results.ForgetQuestions);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARunGoesOnWhereTheServiceWasStoppedOrKilled(bool killed)
    {
        string runs = folder.File("runs"), id;
        using (ServiceProcess first = ServiceProcess.Start(runs, ("CheckpointInterval", "00:00:00")))
        {
            id = await first.SubmitAsync(Experiments.Small);
            await first.WaitAsync(id, run => Phase(run) == "teaching" && (int)run["progress"]!["step"]! >= 3);
            End(first, killed);
        }

        Assert.Equal(killed ? "running" : "queued", StatusOnDisk(runs, id));
        Assert.NotEmpty(Directory.GetFiles(folder.File($"runs/{id}/run/jobs/seed1/teach.checkpoint"), "*.safetensors"));

        using (ServiceProcess second = ServiceProcess.Start(runs, ("CheckpointInterval", "00:00:00")))
        {
            await second.WaitAsync(id, run => Phase(run) is not (null or "teaching" or "original models"));
            End(second, killed);
        }

        using ServiceProcess third = ServiceProcess.Start(runs);
        await third.WaitAsync(id, "finished");
        Assert.Equal(Figures(finished.WorkFolder), Figures(folder.File($"runs/{id}/run")));
        Assert.All(["original", "gd", "kunbr"], model => Assert.Equal(Weights(finished.WorkFolder, model), Weights(folder.File($"runs/{id}/run"), model)));
    }

    [Fact]
    public async Task AnExperimentMayReadWhatTheServiceAllows()
    {
        string data = Path.Combine(finished.WorkFolder, "data"), models = Path.Combine(finished.WorkFolder, "models/seed1");
        using ServiceProcess service = ServiceProcess.Start(folder.File("runs"), ("Models", models), ("Data", data));
        Directory.CreateSymbolicLink(folder.File("link"), models);
        string onFiles = Experiments.Small.Replace("people: 10", "data: seed1", StringComparison.Ordinal);

        string id = await service.SubmitAsync(onFiles.Replace("{ teach: tiny, teaching: { epochs: 20 } }", "{ folder: original }", StringComparison.Ordinal));
        await service.WaitAsync(id, "finished");
        JsonNode results = JsonNode.Parse(await service.Client.GetStringAsync($"/runs/{id}/results"))!;
        Assert.Equal(10, (int)results["forgetQuestions"]!);
        Assert.Equal(Path.Combine(models, "original"), (string)results["model"]!);
    }

    private static void End(ServiceProcess service, bool killed)
    {
        if (killed)
        {
            service.Kill();
        }
        else
        {
            service.Stop();
        }
    }

    /// <summary>The kind of job that a run is at: what its stage begins with, before the count of jobs.</summary>
    private static string? Phase(JsonObject run) => run["progress"] is JsonObject progress ? Regex.Match((string)progress["stage"]!, "^[^0-9]+(?= [0-9])").Value : null;

    private static string StatusOnDisk(string runs, string id) => (string)JsonNode.Parse(File.ReadAllText(Path.Combine(runs, id, "state.json")))!["status"]!;

    private static byte[] Weights(string workFolder, string model) => File.ReadAllBytes(Path.Combine(workFolder, "models/seed1", model, "model.safetensors"));

    /// <summary>results.json without its times.</summary>
    private static string Figures(string workFolder)
    {
        JsonNode results = JsonNode.Parse(File.ReadAllText(Path.Combine(workFolder, ResultsFile.Name)))!;
        Assert.True(results["provenance"]!.AsObject().Remove("started") && results["provenance"]!.AsObject().Remove("computeSeconds"));
        Assert.All(results["methods"]!.AsArray().SelectMany(method => method!["picked"]!.AsArray()), picked => Assert.True(picked!.AsObject().Remove("seconds")));
        return results.ToJsonString();
    }
}
