using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

/// <summary>The demo, end to end, in a size that takes seconds.</summary>
[LeakLedger]
public sealed class DemoTests : IDisposable
{
    private static readonly DemoOptions Small = DemoOptions.Standard with
    {
        People = 10,
        Preset = DemoOptions.Standard.Preset with
        {
            Shape = DemoOptions.Standard.Preset.Shape with { HiddenSize = 32, IntermediateSize = 48, Layers = 4, HeadDimension = 16, VocabularySize = 400 },
            Teaching = DemoOptions.Standard.Preset.Teaching with { Epochs = 2, BatchSize = 16 },
        },
        Methods =
        [
            .. DemoOptions.Standard.Methods.Select(settings => settings with
            {
                Gd = settings.Gd is null ? null : settings.Gd with { Epochs = 3, BatchSize = 5 },
                Kunbr = settings.Kunbr is null ? null : settings.Kunbr with { PreUnlearning = settings.Kunbr.PreUnlearning with { Epochs = 1, BatchSize = 5 }, Blocks = 4, IgnoreHeadLayers = 1 },
            }),
        ],
        RetainCoefficients = [1, 2],
        LearningRates = [1e-3],
        Attack = DemoOptions.Standard.Attack with { Epochs = 1, LearningRates = [1e-3] },
        TuningFolds = [0],
        ReportingFolds = [1, 3],
    };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void EveryMethodGetsTheSameGridAndTheSameNumberOfSteps()
    {
        DemoReport report = Run("one", 1);

        Assert.Equal(["gd", "kunbr"], report.Rows.Select(row => row.Candidate.Method));
        Assert.Equal([("gd", 1.0), ("gd", 2.0), ("kunbr", 1.0), ("kunbr", 2.0)], report.Candidates.Select(candidate => (candidate.Method, candidate.RetainCoefficient)));
        Assert.All(report.Candidates, candidate => Assert.Equal(3 * 2, candidate.Steps)); // passes × steps a pass
        Assert.All(report.Rows, row => Assert.Equal(row.AfterAttack - row.ForgetAfter, row.Recovery, 1e-12));
        Assert.Equal(2, report.Rows[1].Candidate.Blocks.Distinct().Count());
    }

    [Fact]
    public void TheRuleComesBeforeTheLeastAttackAccuracy()
    {
        DemoReport report = Run("rule", 1);

        foreach (DemoRow row in report.Rows)
        {
            DemoCandidate[] tried = [.. report.Candidates.Where(candidate => candidate.Method == row.Candidate.Method)];
            DemoCandidate[] kept = [.. tried.Where(candidate => candidate.Retain >= report.RetainBefore - Small.AllowedRetainLoss)];
            Assert.Equal(kept.Length > 0, row.MetRule);
            Assert.Equal(kept.Length > 0 ? kept.Min(candidate => candidate.TuningAttack) : tried.Max(candidate => candidate.Retain), kept.Length > 0 ? row.Candidate.TuningAttack : row.Candidate.Retain);
        }
    }

    [Fact]
    public void TheSameSeedGivesTheSameFiguresAndTheSameModels()
    {
        DemoReport one = Run("one", 7), same = Run("same", 7), other = Run("other", 8);

        Assert.Equal(Figures(one), Figures(same));
        foreach (string name in new[] { "taught", "gd", "kunbr" })
        {
            Assert.Equal(Weights("one", name), Weights("same", name));
            Assert.NotEqual(Weights("one", name), Weights("other", name));
        }
    }

    [Fact]
    public void TheRunFolderHoldsRecordMetricsDataAndModels()
    {
        Run("run", 3);

        using JsonDocument record = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "run", RunFolder.RecordFile)));
        Assert.Equal(("demo", "finished", 3), (record.RootElement.GetProperty("command").GetString(), record.RootElement.GetProperty("status").GetString(), record.RootElement.GetProperty("seeds")[0].GetInt32()));
        Assert.Equal(10, record.RootElement.GetProperty("configuration").GetProperty("people").GetInt32());
        Assert.Equal(2, record.RootElement.GetProperty("result").GetProperty("rows").GetArrayLength());
        string[] kinds = [.. File.ReadLines(Path.Combine(folder.Path, "run", RunFolder.MetricsFile)).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("kind").GetString()!)];
        Assert.Equal(["taught", "candidate", "candidate", "attack", "candidate", "candidate", "attack"], kinds);
        Assert.Equal(10, DatasetCatalog.Load("random-birthdays", Path.Combine(folder.Path, "run", "data")).ForgetQuestions.Count());
        using LlamaModel model = ModelFolder.LoadModel(Path.Combine(folder.Path, "run", "models", "kunbr"), ElementType.Float32, Device.Cpu);
        Assert.Equal(4, model.Config.Layers);
    }

    [Fact]
    public void AGridThatDivergesEverywhereFailsTheRunAndSaysSo()
    {
        DemoOptions wild = Small with { LearningRates = [1e30] };

        HybridException error = Assert.Throws<HybridException>(() => Run("wild", 1, wild));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Contains("every setting", error.Message, StringComparison.Ordinal);
        Assert.Contains("\"failed\"", File.ReadAllText(Path.Combine(folder.Path, "wild", RunFolder.RecordFile)), StringComparison.Ordinal);
    }

    [Fact]
    public void MethodsWithDifferentBudgetsAreNotCompared()
    {
        DemoOptions unfair = Small with { Methods = [Small.Methods[0], Small.Methods[1] with { Kunbr = Small.Methods[1].Kunbr! with { Rounds = 2 } }] };

        HybridException error = Assert.Throws<HybridException>(() => Run("unfair", 1, unfair));

        Assert.Equal((ErrorKind.Config, "the methods' budgets differ: gd 6 steps, kunbr 10 steps"), (error.Kind, error.Message));
    }

    [Fact]
    public void ACancelledRunIsRecordedAsCancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => Run("stopped", 1, Small, source.Token));

        Assert.Contains("\"cancelled\"", File.ReadAllText(Path.Combine(folder.Path, "stopped", RunFolder.RecordFile)), StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderThatHoldsSomethingIsNotUsed()
    {
        File.WriteAllText(Path.Combine(folder.Path, "mine"), "kept");

        HybridException error = Assert.Throws<HybridException>(() => RunFolder.Create(folder.Path, "demo", Small, [1]));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.Equal(["mine"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    private static string[] Figures(DemoReport report) =>
    [
        .. report.Candidates.Select(candidate => $"{candidate with { Seconds = 0, Blocks = [] }} {string.Join(' ', candidate.Blocks)}"),
        .. report.Rows.Select(row => $"{row.ForgetBefore} {row.ForgetAfter} {row.AfterAttack} {row.Recovery} {row.ShareChanged}"),
    ];

    private byte[] Weights(string run, string model) => File.ReadAllBytes(Path.Combine(folder.Path, run, "models", model, ModelFolder.WeightsFile));

    private DemoReport Run(string name, ulong seed, DemoOptions? options = null, CancellationToken cancellation = default)
    {
        using RunFolder run = RunFolder.Create(Path.Combine(folder.Path, name), "demo", options ?? Small, [seed]);
        return run.Record(() => new Demo(options ?? Small, seed, run, progress: null, cancellation).Run());
    }
}
