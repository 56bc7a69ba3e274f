using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>What the service does not do, and what it says then.</summary>
[Collection(FinishedRunCollection.Name)]
public sealed class RefusalTests(FinishedRun finished)
{
    private const string Model = "{ teach: tiny, teaching: { epochs: 20 } }", Dataset = "{ name: random-birthdays, people: 10 }";

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer 0123456789abcdef0123456789abcdeF")]
    [InlineData("Bearer 0123456789abcdef0123456789abcdef0")]
    [InlineData("Bearer ")]
    [InlineData("Basic 0123456789abcdef0123456789abcdef")]
    public async Task WithoutTheTokenThereIsOnlyHealth(string? authorization)
    {
        foreach ((HttpMethod method, string path) in new[] { (HttpMethod.Get, "/runs"), (HttpMethod.Post, "/runs"), (HttpMethod.Delete, $"/runs/{finished.Id}"), (HttpMethod.Get, $"/runs/{finished.Id}/report"), (HttpMethod.Get, "/nothing") })
        {
            using HttpResponseMessage answer = await AnonymouslyAsync(method, path, authorization);
            await Problem.ExpectAsync(answer, 401, "Authorization: Bearer TOKEN");
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        }

        using HttpResponseMessage health = await AnonymouslyAsync(HttpMethod.Get, "/health", authorization);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        Assert.Equal("""{"status":"healthy"}""", await health.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("name: small", "nmae: small", "experiment.yaml:1: unknown key 'nmae'; did you mean 'name'?")]
    [InlineData("seeds: [1]", "seeds: [1", "experiment.yaml:")]
    [InlineData("jobs: 1", "jobs: one", "experiment.yaml:8: jobs: ")]
    [InlineData("name: small", "name: ../small", "name '../small' may hold letters, digits and hyphens only")]
    [InlineData("device: cpu", "device: cuda:7", "device cuda:7")]
    [InlineData("folds: [1]", "folds: [7]", "attacks.rtt.folds: there is no fold 7")]
    [InlineData("people: 10", "people: 100000000", "people per half are too many")]
    public async Task AnExperimentThatHasNoMeaning(string right, string wrong, string detail) => await RefusedAsync(right, wrong, detail);

    [Theory]
    [InlineData(Model, "{ folder: /etc }", "model.folder: this service lets experiments read no files there (UnlearningService:Models is not set)")]
    [InlineData(Model, "{ folder: models, teach: tiny }", "model.folder: ")]
    [InlineData(Dataset, "{ name: random-birthdays, data: /etc }", "dataset.data: ")]
    [InlineData(Dataset, "{ folder: /etc }", "dataset.folder: ")]
    [InlineData(Dataset, "{ folder: data, retain-text: /etc/passwd }", "dataset.folder: ")]
    [InlineData("{ retain-text-nll: true }", "{ retain-text-nll: true, suite: { data: /etc, tasks: [bbh], seed: 1 } }", "utility.suite.data: ")]
    public async Task AnExperimentThatReadsTheServersFiles(string right, string wrong, string detail) => await RefusedAsync(right, wrong, detail);

    [Theory]
    [InlineData("gd: { epochs: 6 }", "gd: { epochs: 2000000 }", "optimizer steps: ")]
    [InlineData("epochs: 20", "epochs: 51", "passes of teaching: 51; this service takes at most 50")]
    [InlineData("threads: 1", "threads: 17", "jobs times threads: 17; this service takes at most 16")]
    public async Task AnExperimentThatIsTooLarge(string right, string wrong, string detail) => await RefusedAsync(right, wrong, detail);

    [Fact]
    public async Task AnExperimentWithTooManySettings() =>
        await RefusedAsync("seeds: [1]", $"seeds: [{string.Join(", ", Enumerable.Range(1, 501))}]", "settings of all methods times seeds: 1,002; this service takes at most 1,000");

    [Fact]
    public async Task ABodyThatIsNoExperiment()
    {
        await Problem.ExpectAsync(await finished.Service.PostAsync(Experiments.Small + new string('#', 64 * 1024)), 413, "max request body size is 65536 bytes");
        await Problem.ExpectAsync(await finished.Service.Client.PostAsync("/runs", new StringContent("{}", Encoding.UTF8, "application/json")), 415, string.Empty);
        var bytes = new ByteArrayContent([0x6E, 0xFF]);
        bytes.Headers.ContentType = new MediaTypeHeaderValue("text/yaml");
        await Problem.ExpectAsync(await finished.Service.Client.PostAsync("/runs", bytes), 400, "in UTF-8");
        await Problem.ExpectAsync(await finished.Service.PostAsync(string.Empty), 400, "experiment.yaml");
    }

    [Theory]
    [InlineData("/runs/0123456789abcdef0123456789abcdef")]
    [InlineData("/runs/0123456789abcdef0123456789abcdef/report")]
    [InlineData("/runs/0123456789abcdef0123456789abcdef/events")]
    [InlineData("/runs/lock")]
    [InlineData("/runs/..%2f..%2fetc/results")]
    [InlineData("/runs/%2e%2e/results")]
    public async Task ARunThatIsNotThere(string path)
    {
        await Problem.ExpectAsync(await finished.Service.Client.GetAsync(path), 404, string.Empty);
        if (path.Count(letter => letter == '/') == 2)
        {
            await Problem.ExpectAsync(await finished.Service.Client.DeleteAsync(path), 404, "there is no such run");
        }
    }

    [Fact]
    public void AServiceThatWouldNotBeSafeOrSound()
    {
        using var folder = new TemporaryFolder();
        string runs = folder.File("runs");
        Assert.Contains("Token: expected at least 32 characters, found 0", ServiceProcess.Refused(runs, null), StringComparison.Ordinal);
        Assert.Contains("Token: expected at least 32 characters, found 31", ServiceProcess.Refused(runs, ServiceProcess.Token[1..]), StringComparison.Ordinal);
        Assert.Contains("'MostStep'", ServiceProcess.Refused(runs, ServiceProcess.Token, ("MostStep", "1")), StringComparison.Ordinal);
        Assert.Contains("at least 1", ServiceProcess.Refused(runs, ServiceProcess.Token, ("SideBySide", "0")), StringComparison.Ordinal);
        Assert.Contains("Models: no folder '/nowhere'", ServiceProcess.Refused(runs, ServiceProcess.Token, ("Models", "/nowhere")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(runs));

        string others = Path.GetDirectoryName(Path.GetDirectoryName(finished.WorkFolder))!;
        Assert.Contains("another service uses it", ServiceProcess.Refused(others, ServiceProcess.Token), StringComparison.Ordinal);

        const string Id = "0123456789abcdef0123456789abcdef";
        Directory.CreateDirectory(folder.File($"runs/{Id}"));
        File.WriteAllText(folder.File($"runs/{Id}/state.json"), """{ "status": "queued" }""");
        Assert.Contains($"{Id}/state.json: not a run's state: ", ServiceProcess.Refused(runs, ServiceProcess.Token), StringComparison.Ordinal);
    }

    /// <summary>The small experiment with a mistake in it is a 400 that names it, and no run.</summary>
    private async Task RefusedAsync(string right, string wrong, string detail)
    {
        Assert.Contains(right, Experiments.Small, StringComparison.Ordinal);
        await Problem.ExpectAsync(await finished.Service.PostAsync(Experiments.Small.Replace(right, wrong, StringComparison.Ordinal)), 400, detail);
        Assert.Equal(finished.Id, (string)JsonNode.Parse(await finished.Service.Client.GetStringAsync("/runs"))!.AsArray().Single()!["id"]!);
    }

    private async Task<HttpResponseMessage> AnonymouslyAsync(HttpMethod method, string path, string? authorization)
    {
        using var client = new HttpClient { BaseAddress = finished.Service.Client.BaseAddress };
        using var request = new HttpRequestMessage(method, path);
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return await client.SendAsync(request);
    }
}
