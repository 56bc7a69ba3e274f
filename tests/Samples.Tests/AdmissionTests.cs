using System.Reflection;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Hosting;
using Hybrid.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using UnlearningService;
using Xunit;

namespace Hybrid.Samples.Tests;

/// <summary>Which files an experiment may name.</summary>
public sealed class AdmissionTests : IDisposable
{
    private const string Model = "{ teach: tiny, teaching: { epochs: 20 } }";

    private readonly TemporaryFolder folder = new();
    private readonly Admission admission;

    public AdmissionTests()
    {
        foreach (string name in new[] { "models/llama", "models-of-others/llama", "elsewhere/llama", "data/own" })
        {
            Directory.CreateDirectory(folder.File(name));
        }

        Directory.CreateSymbolicLink(folder.File("models/inside"), "llama");
        Directory.CreateSymbolicLink(folder.File("models/outside"), folder.File("elsewhere"));
        Directory.CreateSymbolicLink(folder.File("models/circle"), "circle");
        Directory.CreateSymbolicLink(folder.File("allowed"), "models");
        HybridEngine hybrid = new ServiceCollection().AddHybrid().BuildServiceProvider().GetRequiredService<HybridEngine>();
        admission = new Admission(hybrid, new ServiceSettings { Models = folder.File("allowed"), Data = folder.File("data") });
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama", "models/llama")]
    [InlineData("./llama/", "models/llama")]
    [InlineData("llama/../llama", "models/llama")]
    [InlineData("inside", "models/llama")]
    [InlineData("outside/../models/llama", "models/llama")] // '..' is above the link's target
    [InlineData("not-there-yet", "models/not-there-yet")]
    [InlineData("{root}/models/llama", "models/llama")]
    [InlineData("{root}/allowed/llama", "models/llama")]
    public void WhatIsAllowedBecomesTheRealPath(string path, string real) => Assert.Equal(folder.File(real), Read(path).Model.Folder);

    [Theory]
    [InlineData("/etc")]
    [InlineData("..")]
    [InlineData("../elsewhere/llama")]
    [InlineData("llama/../../elsewhere/llama")]
    [InlineData("outside/llama")]
    [InlineData("inside/../../elsewhere")]
    [InlineData("{root}/models-of-others/llama")]
    [InlineData("{root}/data/own")]
    public void WhatIsNotAllowedIsRefused(string path)
    {
        HybridException error = Assert.Throws<HybridException>(() => Read(path));
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.StartsWith("experiment.yaml: model.folder: expected a path in the folder that UnlearningService:Models names, found '", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoPathIsRefused()
    {
        Assert.Contains("follows more than 40 links", Assert.Throws<HybridException>(() => Read("circle/llama")).Message, StringComparison.Ordinal);
        Assert.Contains("zero character", Assert.Throws<HybridException>(() => Read("a\\0b")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheDatasetsFilesLieUnderTheirOwnFolder()
    {
        string yaml = Experiments.Small.Replace("{ name: random-birthdays, people: 10 }", "{ folder: own, retain-text: own/kept.txt }", StringComparison.Ordinal)
            .Replace("{ retain-text-nll: true }", "{ retain-text-nll: true, suite: { data: own, tasks: [bbh], seed: 1 } }", StringComparison.Ordinal);
        ExperimentSettings read = admission.Read(yaml);
        Assert.Equal((folder.File("data/own"), folder.File("data/own/kept.txt"), folder.File("data/own")), (read.Dataset.Folder, read.Dataset.RetainText, read.Utility.Suite!.Data));
        Assert.Contains("dataset.retain-text: expected", Assert.Throws<HybridException>(() => admission.Read(yaml.Replace("own/kept.txt", "/etc/passwd", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Texts among an experiment's settings, each either a path that <see cref="Admission"/> checks or known to be none. A new one belongs into this list, and, if it
    /// is a path, into <see cref="Admission.Read"/> first.
    /// </summary>
    [Fact]
    public void NoPathIsForgotten() => Assert.Equal(
        [
            "Attacks.Own", "Dataset.Data", "Dataset.Folder", "Dataset.Name", "Dataset.RetainText", "Device", "Dtype", "Methods.Candidates.Point", "Methods.Label",
            "Model.Folder", "Model.Teach", "Name", "Title", "Utility.Metrics", "Utility.Suite.ChatTemplate", "Utility.Suite.Data",
        ],
        TextsOf(typeof(ExperimentSettings), string.Empty).Order(StringComparer.Ordinal));

    private ExperimentSettings Read(string path) =>
        admission.Read(Experiments.Small.Replace(Model, $"{{ folder: \"{path.Replace("{root}", folder.Path, StringComparison.Ordinal)}\" }}", StringComparison.Ordinal));

    private static IEnumerable<string> TextsOf(Type type, string prefix) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite).SelectMany(property =>
    {
        Type held = property.PropertyType.IsGenericType ? property.PropertyType.GetGenericArguments()[^1] : property.PropertyType;
        return held == typeof(string) ? [prefix + property.Name]
            : held.Assembly == typeof(ExperimentSettings).Assembly && !held.IsEnum ? TextsOf(held, $"{prefix}{property.Name}.")
            : Enumerable.Empty<string>();
    });
}
