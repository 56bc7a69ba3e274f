using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>A program that hosts Hybrid gets what the command line gives, to the bit.</summary>
[Collection(TaughtCollection.Name)]
[LeakLedger]
public sealed class SessionTests(TaughtFolder taught) : IDisposable
{
    private const ulong Seed = 5;
    private const int Threads = 2;

    private readonly TemporaryFolder folder = new();

    private UnlearningSessionOptions Options => new()
    {
        ModelFolder = taught.Model, Dataset = DatasetCatalog.Load("random-birthdays", taught.Data), Threads = Threads, Seed = Seed,
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("preset: tiny\nmethod: gd\ngd: { epochs: 1 }")]
    [InlineData("preset: tiny\nmethod: kunbr\nkunbr: { pre-unlearning: { epochs: 1 }, blocks: 4, selected-blocks: 1, ignore-head-layers: 1 }")]
    [InlineData("preset: tiny\nmethod: ria\nria: { epochs: 1 }")]
    public async Task ASessionUnlearnsWhatTheCommandUnlearns(string yaml)
    {
        string config = folder.File("method.yaml"), made = folder.File("command");
        File.WriteAllText(config, yaml);
        CommandRun.Good(taught.Line("unlearn", "--config", config, "--out", made, "--seed", $"{Seed}", "--threads", $"{Threads}"));

        using UnlearningSession session = await UnlearningSession.OpenAsync(Options);
        using UnlearnedModel unlearned = await session.UnlearnAsync(SettingsYaml.Load(config));
        await session.SaveAsync(unlearned.Model, folder.File("session"));

        string[] files = [ModelFolder.WeightsFile, ModelFolder.ConfigFile, ModelFolder.TokenizerFile];
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(made, file)), File.ReadAllBytes(Path.Combine(folder.File("session"), file))));
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(taught.Model, ModelFolder.WeightsFile)), File.ReadAllBytes(Path.Combine(made, ModelFolder.WeightsFile)));
    }

    [Fact]
    public async Task ASessionsAttackIsTheCommands()
    {
        CommandRun command = CommandRun.Good(taught.Line(
            "attack", "--folds", "0,1", "--epochs", "1", "--learning-rates", "1e-3", "--seed", $"{Seed}", "--threads", $"{Threads}", "--json"));
        using UnlearningSession session = await UnlearningSession.OpenAsync(Options);

        RelearningReport report = await session.AttackAsync(
            session.Original, RelearningPresets.Find("tiny", "random-birthdays") with { Folds = [0, 1], Epochs = 1, LearningRates = [1e-3] });

        Assert.Equal(command.Json.GetProperty("accuracy").GetDouble(), report.Accuracy);
        Assert.Equal(
            command.Json.GetProperty("curves").EnumerateArray().SelectMany(curve => curve.GetProperty("hits").EnumerateArray().Select(hits => hits.GetString()!)),
            report.Curves.SelectMany(curve => curve.Hits));
    }
}
