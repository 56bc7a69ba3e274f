using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Experiments;

/// <summary>A whole small experiment: what it leaves, and that running it again does only what is missing.</summary>
[LeakLedger]
public sealed class ExperimentTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void EverythingIsMeasuredForEveryMethodAndSeed()
    {
        ExperimentReport report = Run("whole");

        Assert.Equal([1UL, 2UL], report.Seeds);
        Assert.Equal((10, 10, 8), (report.ForgetQuestions, report.RetainQuestions, report.Layers));
        Assert.Equal(1, report.Density.Sum(), 1e-9);
        Assert.Equal(["GD", "KUnBR"], report.Methods.Select(method => method.Label));
        foreach (MethodReport method in report.Methods)
        {
            Assert.All([method.Forget, method.Rtt, method.RttLast, method.Retain, method.RetainRelearning!, method.Quantization.Single().Forget], figure =>
            {
                Assert.Equal(2, figure.PerSeed.Count);
                Assert.All(figure.PerSeed, share => Assert.InRange(share, 0, 1));
            });
            Assert.All(Enumerable.Range(0, 2), seed => Assert.Equal(method.Rtt.PerSeed[seed] - method.Forget.PerSeed[seed], method.Recovery.PerSeed[seed], 1e-12));
            Assert.Equal(8, method.Candidates.Count);
            Assert.Equal(2, method.Candidates.Count(candidate => candidate.Picked));
            Assert.All(method.Candidates, candidate => Assert.InRange(candidate.TuningRtt!.Value, 0, 1));
            Assert.Equal([0, 1, 2], method.ForgetByPass.Select(point => point.Pass));
            Assert.Equal(4, method.Losses.Count); // 2 passes of 2 steps
            Assert.True(method.RetainTextNll!.Mean > 0);
        }

        Assert.Single(report.Methods[1].Rounds);
        Assert.Equal(2, report.Cases.Count);
        Assert.Equal(["GD", "KUnBR"], report.Cases[0].Answers.Select(answer => answer.Label));
        Assert.Equal(report.Methods[0].Rtt.PerSeed, ResultsRoundTrip(report).Methods[0].Rtt.PerSeed);
    }

    [Fact]
    public void ThePickIsTheRules()
    {
        ExperimentReport report = Run("rule");

        foreach (MethodReport method in report.Methods)
        {
            foreach ((ulong seed, int s) in report.Seeds.Select((seed, s) => (seed, s)))
            {
                CandidateReport[] candidates = [.. method.Candidates.Where(candidate => candidate.Seed == seed)];
                CandidateReport[] kept = [.. candidates.Where(candidate => candidate.Retain >= report.RetainBefore.PerSeed[s] - 0.2 - 1e-9)];
                CandidateReport picked = candidates.Single(candidate => candidate.Picked);
                Assert.Equal(picked.Point, method.Picked[s].Point);
                Assert.Equal(kept.Length > 0, method.Picked[s].KeptRetain);
                Assert.Equal(kept.Length > 0 ? kept.Min(candidate => candidate.TuningRtt) : picked.TuningRtt, picked.TuningRtt);
            }
        }
    }

    [Fact]
    public void RunningAgainRunsNothing()
    {
        ExperimentReport first = Run("again");
        string[] jobs = JobsLogged("again");

        ExperimentReport second = Run("again");

        Assert.Equal(jobs, JobsLogged("again"));
        Assert.Equal(Figures(first), Figures(second));
    }

    [Fact]
    public void AThirdSeedLeavesTheOthersAlone()
    {
        Run("seeds");
        int jobs = JobsLogged("seeds").Length;

        Run("seeds", text => text.Replace("seeds: [1, 2]", "seeds: [1, 2, 3]", StringComparison.Ordinal));

        string[] added = JobsLogged("seeds")[jobs..];
        Assert.All(added, job => Assert.StartsWith("seed3/", job, StringComparison.Ordinal));
        Assert.Equal((jobs - 2) / 2, added.Length); // the case study is the first seed's
    }

    [Fact]
    public void ACaseStudyAddsNoTraining()
    {
        Run("cases", text => text.Replace("case-study: { questions: 2, maximum-tokens: 3 }", string.Empty, StringComparison.Ordinal));
        int jobs = JobsLogged("cases").Length;

        ExperimentReport report = Run("cases");

        Assert.Equal(["answers", "answers", "original", "original"], JobsLogged("cases")[jobs..].Select(job => job.Split('/')[^1]).Order());
        Assert.Equal(2, report.Cases.Count);
    }

    [Fact]
    public void AResultThatIsGoneIsMadeAgainWithTheModelsItNeeds()
    {
        Run("gone");
        string seed = Path.Combine(folder.Path, "gone", "models", "seed1");
        string loser = Directory.GetDirectories(Path.Combine(folder.Path, "gone", "jobs", "seed1")).Select(path => Path.GetFileName(path)).First(name => !Directory.Exists(Path.Combine(seed, name)));
        string file = Directory.GetFiles(Path.Combine(folder.Path, "gone", "jobs", "seed1", loser), "rtt-*").First();
        string before = Result(file);
        File.Delete(file);
        Directory.Delete(Path.Combine(folder.Path, "gone", "models"), recursive: true);
        int jobs = JobsLogged("gone").Length;

        Run("gone");

        Assert.Equal(["seed1/teach", $"seed1/{loser}/unlearn", $"seed1/{loser}/{Path.GetFileNameWithoutExtension(file)}"], JobsLogged("gone")[jobs..]);
        Assert.Equal(before, Result(file));
    }

    [Fact]
    public void AResultDoesNotOutliveTheFilesItSpeaksOf()
    {
        var store = new JobStore(Path.Combine(folder.Path, "store"));
        using RunFolder run = RunFolder.Create(Path.Combine(folder.Path, "store"), "test", new { }, [1]);
        var runner = new JobRunner(store, run, new CountedProgress(null), 1, 1, RunJournal.UsualInterval, NullLogger.Instance, CancellationToken.None);
        var first = new Job<string>("job", "inputs", (_, _) => "result");
        Assert.Equal(["result"], runner.Run("phase", [first]));
        Assert.True(runner.IsDone(first));

        // Other inputs, under the same name, that fail half-way: the first ones' files are no longer theirs.
        HybridException error = Assert.Throws<HybridException>(() => runner.Run("phase", [first with { Fingerprint = "others", Work = (_, _) => throw new HybridException(ErrorKind.Io, "disk full") }]));

        Assert.Equal("job: disk full", error.Message);
        Assert.False(runner.IsDone(first));
    }

    [Fact]
    public void ADamagedResultIsNamed()
    {
        var store = new JobStore(folder.Path);
        var job = new Job<TaughtResult>("job", "inputs", (_, _) => new TaughtResult(3));
        store.Keep(job, 1, new TaughtResult(3));
        string file = Path.Combine(folder.Path, "jobs", "job.json");
        Assert.Equal(3, store.Find(job)!.Result.Epochs);

        foreach (string damaged in new[] { "{", "{}", "[1]", """{"fingerprint":"inputs","seconds":1,"result":{}}""", """{"fingerprint":"inputs","seconds":1,"result":null}""" })
        {
            File.WriteAllText(file, damaged);
            Assert.Contains(file, Assert.Throws<HybridException>(() => store.Find(job)).Message, StringComparison.Ordinal);
        }

        File.WriteAllText(file, """{"fingerprint":"of other inputs","of":"another version"}""");
        Assert.Null(store.Find(job));
    }

    [SharedDataFact("data/utility")]
    public void TheUtilitySuiteRunsOnTheOriginalAndOnWhatWasPicked()
    {
        string suite = $$"""{ data: "{{SharedData.Find("data/utility")}}", tasks: [truthfulqa, fluency], limit: 2, seed: 1, maximum-new-tokens: 3, chat-template: none }""";
        ExperimentReport report = Run("utility", text => text.Replace("utility: { retain-text-nll: true }", $"utility: {{ retain-text-nll: false, suite: {suite} }}", StringComparison.Ordinal));

        Assert.Equal(["truthfulqa_mc1", "fluency_entropy"], report.UtilityBefore.Keys);
        Assert.All(report.Methods, method => Assert.Equal([2, 2], method.Utility.Values.Select(figure => figure.PerSeed.Count)));
        Assert.Equal(6, Directory.GetFiles(Path.Combine(folder.Path, "utility", "utility"), "*.jsonl", SearchOption.AllDirectories).Length);
        ReportTable table = Assert.IsType<ReportTable>(ReportSections.Of(ResultsRoundTrip(report)).Single(section => section.Id == "utility").Parts[0]);
        Assert.Equal(["before unlearning", "GD", "KUnBR"], table.Rows.Select(row => row[0].CsvValues[0]));
    }

    [Fact]
    public void ARateThatDivergesIsTheAttackersLoss()
    {
        ExperimentReport report = Run("rates", text => text.Replace("retain-relearning: { preset: tiny, epochs: 1, learning-rates: [1e-4] }", "retain-relearning: { preset: tiny, epochs: 2, learning-rates: [1e-4, 1e30] }", StringComparison.Ordinal));

        Assert.All(report.Methods, method => Assert.Equal(2, method.RetainRelearning!.PerSeed.Count));
    }

    [Fact]
    public void JobsSideBySideGiveTheSameFigures() =>
        Assert.Equal(Figures(Run("one")), Figures(Run("two", text => text.Replace("jobs: 1", "jobs: 2", StringComparison.Ordinal))));

    [Fact]
    public void TheSameSeedGivesTheSameModelsAndAnotherDoesNot()
    {
        Run("first");
        Run("same");

        string[] models = [.. Directory.GetDirectories(Path.Combine(folder.Path, "first", "models", "seed1")).Select(path => Path.GetFileName(path))];
        Assert.Equal(3, models.Length); // the original and a picked one of each method
        Assert.All(models, name => Assert.Equal(Weights("first", "seed1", name), Weights("same", "seed1", name)));
        Assert.NotEqual(Weights("first", "seed1", "original"), Weights("first", "seed2", "original"));
    }

    [Fact]
    public void WhatWasMadeUpLiesInTheRunFolder()
    {
        Run("data");

        UnlearningDataset written = DatasetCatalog.Load("random-birthdays", Path.Combine(folder.Path, "data", "data", "seed2"));
        Assert.Equal(BirthdayMaker.Make(10, 2).ForgetQuestions, written.ForgetQuestions);
    }

    [Fact]
    public void AMethodWhoseEverySettingDivergesFailsTheRun()
    {
        HybridException error = Assert.Throws<HybridException>(() => Run("wild", text => text.Replace("optimizer.learning-rate: [1e-4, 3e-4] }\n  - label: KUnBR", "optimizer.learning-rate: [1e30, 1e31] }\n  - label: KUnBR", StringComparison.Ordinal)));

        Assert.Equal(ErrorKind.Diverged, error.Kind);
        Assert.Contains("GD, seed 1: every setting diverged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AGivenModelIsTaughtFirstAnewForEverySeed()
    {
        string given = Path.Combine(folder.Path, "given");
        Run("small");
        Directory.Move(Path.Combine(folder.Path, "small", "models", "seed1", "original"), given);
        File.WriteAllText(Path.Combine(given, "generation_config.json"), "{}");
        byte[] weights = File.ReadAllBytes(Path.Combine(given, Orchestrator.Model.ModelFolder.WeightsFile));
        string model = $$"""{ folder: "{{given}}", teach: tiny, teaching: { epochs: 1, texts: false, optimizer: { learning-rate: 1e-4 } } }""";
        Func<string, string> change = text => text.Replace("{ teach: tiny }", model, StringComparison.Ordinal);

        ExperimentReport report = Run("taught", change);

        Assert.Equal($"{given}, taught the dataset with preset tiny", report.Model);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(given, Orchestrator.Model.ModelFolder.WeightsFile)));
        string[] jobs = JobsLogged("taught");
        Assert.Equal(["seed1/teach", "seed2/teach"], jobs.Where(job => job.EndsWith("/teach", StringComparison.Ordinal)).Order());
        Assert.All(["seed1", "seed2"], seed =>
        {
            Assert.NotEqual(weights, Weights("taught", seed, "original"));
            Assert.True(File.Exists(Path.Combine(folder.Path, "taught", "models", seed, "original", "generation_config.json")));
            using JsonDocument result = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "taught", "jobs", seed, "teach.json")));
            Assert.Equal(1, result.RootElement.GetProperty("result").GetProperty("epochs").GetInt32());
        });
        Run("taught", change);
        Assert.Equal(jobs, JobsLogged("taught"));

        Run("taught", text => text.Replace("{ teach: tiny }", model.Replace("1e-4", "2e-4", StringComparison.Ordinal), StringComparison.Ordinal));
        Assert.Equal(2 * jobs.Length, JobsLogged("taught").Length); // another way of teaching is another original
    }

    [Fact]
    public void TheDemoIsAnExperimentOfItsOwnFile()
    {
        string shipped = ExperimentYaml.Write(ExperimentYaml.Load(RepositoryFolder.PathOf(Path.Combine("configs", "demo.yaml")), ["seeds=[5]"]));

        Assert.Equal(shipped, ExperimentYaml.Write(ExperimentYaml.Demo(["seeds=[5]"])));
    }

    [Fact]
    public void MethodsThatDifferInStepsAreRefused()
    {
        HybridException error = Assert.Throws<HybridException>(() => Run("steps", text => text.Replace("gd: { epochs: 2", "gd: { epochs: 3", StringComparison.Ordinal)));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains("steps differ: GD 6, KUnBR 4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADivergingSettingIsReportedAndNotPicked()
    {
        ExperimentReport report = Run("diverging", text => text.Replace("optimizer.learning-rate: [1e-4, 3e-4] }\n  - label: KUnBR", "optimizer.learning-rate: [1e-4, 1e30] }\n  - label: KUnBR", StringComparison.Ordinal));

        CandidateReport[] broken = [.. report.Methods[0].Candidates.Where(candidate => candidate.Diverged is not null)];
        Assert.Equal(4, broken.Length);
        Assert.All(broken, candidate => Assert.Equal(("1e30", false, null), (candidate.Point["optimizer.learning-rate"], candidate.Picked, candidate.Forget)));
    }

    [Fact]
    public void ThePlanCountsWhatIsRun()
    {
        ExperimentSettings settings = ExperimentYaml.Parse("f", SmallExperiment.Text);
        string path = Path.Combine(folder.Path, "plan");
        ExperimentPlan before = ExperimentPlan.Of(settings, HybridRegistry.BuiltIn, Device.Cpu, path);
        Assert.False(Directory.Exists(path));
        Assert.Equal([2, 2, 16, 16, 16, 8, 4, 4, 0, 0, 0, 0, 0, 2], before.Stages.Select(stage => stage.Jobs));
        Assert.All(before.Stages.SkipLast(1), stage => Assert.Equal(0, stage.Done));
        Assert.Null(before.Stages[^1].Done);
        Assert.Equal(16 * 4, before.Stages[2].Steps);

        Run("plan");

        ExperimentPlan after = ExperimentPlan.Of(settings, HybridRegistry.BuiltIn, Device.Cpu, path);
        Assert.Equal(before.Stages.SkipLast(1).Select(stage => (int?)stage.Jobs), after.Stages.SkipLast(1).Select(stage => stage.Done));
        Assert.Equal(before.Stages.Sum(stage => stage.Jobs), JobsLogged("plan").Length);
    }

    private ExperimentReport Run(string name, Func<string, string>? change = null)
    {
        string text = change?.Invoke(SmallExperiment.Text) ?? SmallExperiment.Text;
        Assert.True(change is null || text != SmallExperiment.Text, "the change did not find its place");
        ExperimentSettings settings = ExperimentYaml.Parse("f", text);
        using RunFolder run = RunFolder.CreateOrContinue(Path.Combine(folder.Path, name), "run small", ExperimentYaml.ToObject(settings), settings.Seeds);
        return new Experiment(settings, HybridRegistry.BuiltIn, Device.Cpu, run, null, RunJournal.UsualInterval, NullLogger.Instance, CancellationToken.None).Run();
    }

    private byte[] Weights(string run, string seed, string model) => File.ReadAllBytes(Path.Combine(folder.Path, run, "models", seed, model, Orchestrator.Model.ModelFolder.WeightsFile));

    /// <summary>Names of the jobs that were run, in the order in which they ended.</summary>
    private string[] JobsLogged(string name) =>
    [
        .. File.ReadLines(Path.Combine(folder.Path, name, RunFolder.MetricsFile)).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("kind").GetString() == "job").Select(line => line.GetProperty("value").GetProperty("id").GetString()!),
    ];

    private static string Result(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file));
        return document.RootElement.GetProperty("result").GetRawText();
    }

    private ExperimentReport ResultsRoundTrip(ExperimentReport report)
    {
        ResultsFile.Write(folder.Path, report);
        return ResultsFile.Read(folder.Path);
    }

    /// <summary>Everything but times and the settings' text.</summary>
    private static string Figures(ExperimentReport report) => JsonSerializer.Serialize(
        report.Methods.Select(method => method with { Picked = [.. method.Picked.Select(picked => picked with { Seconds = 0 })] }),
        new JsonSerializerOptions { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals });
}
