using System.Globalization;
using System.Text.RegularExpressions;
using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.Orchestrator.Reporting;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Tests.Experiments;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>An experiment's files are the same bytes, but for times, whatever culture the host's threads have.</summary>
[LeakLedger]
public sealed partial class CultureOfFilesTests : IDisposable
{
    private static readonly string Text = SmallExperiment.Text
        .Replace("seeds: [1, 2]", "seeds: [1]", StringComparison.Ordinal)
        .Replace("{ teach: tiny }", "{ teach: tiny, teaching: { epochs: 1 } }", StringComparison.Ordinal)
        .Replace("grid: { retain-coefficient: [1, 4], optimizer", "grid: { retain-coefficient: [1.5], optimizer", StringComparison.Ordinal);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TheFilesOfARunAreTheSame()
    {
        Dictionary<string, string> expected = Run("first", culture: false), actual = Run("second", culture: true);

        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(["results.json", "run.json", "metrics.jsonl", "report.html", "fixed/report.html", "models/seed1/original/config.json", "models/seed1/original/model.safetensors", "data/seed1/random_bd/split_0.jsonl"], name => Assert.Contains(name, expected.Keys));
        Assert.All(expected, file => Assert.True(file.Value == actual[file.Key], $"{file.Key}: {Difference(file.Value, actual[file.Key])}"));
    }

    [Fact]
    public void SettingsAreReadAndWrittenTheSame()
    {
        ExperimentSettings settings = ExperimentYaml.Parse("f", Text);
        string yaml = ExperimentYaml.Write(settings), method = SettingsYaml.Write(settings.Methods[1].Settings);
        using var culture = new CommaCulture();

        Assert.Equal(yaml, ExperimentYaml.Write(ExperimentYaml.Parse("f", Text)));
        Assert.Equal(yaml, ExperimentYaml.Write(ExperimentYaml.Parse("f", yaml)));
        Assert.Equal(method, SettingsYaml.Write(SettingsYaml.Parse("f", method)));
        Assert.Equal(1.5, ((GradientDifferenceOptions)ExperimentYaml.Parse("f", Text).Methods[0].Candidates[0].Settings.Options).RetainCoefficient);
    }

    [Fact]
    public async Task AHostsCultureIsItsOwnAfterARun()
    {
        using var culture = new CommaCulture();
        CultureInfo seen = CultureInfo.InvariantCulture;
        ExperimentSettings settings = ExperimentYaml.Parse("f", Text);

        await new UnlearningRun(settings, new UnlearningRunOptions { Folder = folder.File("run") }).RunAsync(new SynchronousProgress<TrainingProgress>(_ => seen = CultureInfo.CurrentCulture));

        Assert.Equal("1.5", 1.5.ToString(seen));
        Assert.Same(culture.Culture, CultureInfo.CurrentCulture);
        Assert.Same(culture.Culture, CultureInfo.DefaultThreadCurrentCulture);
        Assert.Same(culture.Culture, await Task.Run(() => CultureInfo.CurrentCulture));
    }

    /// <summary>Everything that a run does, on this thread, which <see cref="UnlearningRun"/> would spare the culture; then every file but TensorBoard's, which is binary and has clocks.</summary>
    private Dictionary<string, string> Run(string name, bool culture)
    {
        string path = folder.File(name);
        using (culture ? new CommaCulture() : null)
        {
            ExperimentSettings settings = ExperimentYaml.Parse("f", Text);
            using RunFolder run = RunFolder.CreateOrContinue(path, "run small", ExperimentYaml.ToObject(settings), settings.Seeds);
            var experiment = new Experiment(settings, HybridRegistry.BuiltIn, Device.Cpu, run, null, RunJournal.UsualInterval, NullLogger.Instance, CancellationToken.None);
            ExperimentReport report = run.Record(
                () =>
                {
                    ExperimentReport found = experiment.Run();
                    ResultsFile.Write(path, found);
                    ReportFiles.Write([(path, found)], path);
                    return found;
                },
                found => new { file = ResultsFile.Name, found.Provenance.ComputeSeconds },
                experiment.Files);

            // The same with times that do not differ, so that the page and its tables can be compared whole.
            ExperimentReport timeless = report with
            {
                Methods = [.. report.Methods.Select(method => method with { Picked = [.. method.Picked.Select(picked => picked with { Seconds = 1.5 })] })],
                Provenance = report.Provenance with { Started = new DateTime(2026, 2, 3, 4, 5, 6, DateTimeKind.Utc), ComputeSeconds = 1234.5 },
            };
            ReportFiles.Write([(path, timeless)], Path.Combine(path, "fixed"));
        }

        return Directory.GetFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Where(file => !file.StartsWith(Path.Combine(path, Experiment.EventsFolder), StringComparison.Ordinal))
            .ToDictionary(file => Path.GetRelativePath(path, file), file => Timeless(file, path));
    }

    private static string Timeless(string file, string folder)
    {
        string name = Path.GetFileName(file);
        if (name.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            return Convert.ToHexString(File.ReadAllBytes(file));
        }

        string text = File.ReadAllText(file).Replace(folder, "FOLDER", StringComparison.Ordinal);
        bool clocked = Path.GetExtension(file) is ".html" or ".md" or ".csv" && !Path.GetRelativePath(folder, file).StartsWith("fixed", StringComparison.Ordinal);
        return clocked
            ? Regex.Replace(text, @"\d+(\.\d+)?", "N") // these are compared to the digit in the folder "fixed"
            : Times().Replace(text, "$1: TIME");
    }

    private static string Difference(string expected, string actual)
    {
        int at = expected.Zip(actual).TakeWhile(pair => pair.First == pair.Second).Count();
        return $"'{Around(expected, at)}' and '{Around(actual, at)}'";

        static string Around(string text, int at) => text[Math.Max(0, at - 60)..Math.Min(text.Length, at + 40)];
    }

    /// <summary>Times in JSON, and digests and lengths of files that hold times: numbers must look as JSON's do to be taken for one.</summary>
    [GeneratedRegex("""("(?:seconds|computeSeconds|time|started|ended|wallSeconds|sha256|bytes|peakMemoryBytes|length)"):\s*(?:-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[0-9a-fA-F.:TZ+-]+")(?=[,}\s])""")]
    private static partial Regex Times();
}
