using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Experiments;

[LeakLedger]
public sealed class ExperimentYamlTests
{
    public static TheoryData<string> Shipped => [.. Directory.GetFiles(RepositoryFolder.PathOf("configs")).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith("unlearn-", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Shipped))]
    public void ShippedFilesAreValidAndNameTheirCommand(string file)
    {
        string path = RepositoryFolder.PathOf(Path.Combine("configs", file));

        Assert.Equal(Path.GetFileNameWithoutExtension(file), ExperimentYaml.Load(path, []).Name);
        Assert.StartsWith($"# hybrid run configs/{file}", File.ReadLines(path).First(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shipped))]
    public void WhatIsWrittenReadsBackTheSame(string file)
    {
        string written = ExperimentYaml.Write(ExperimentYaml.Load(RepositoryFolder.PathOf(Path.Combine("configs", file)), []));

        Assert.Equal(written, ExperimentYaml.Write(ExperimentYaml.Parse("written", written)));
        Assert.DoesNotContain("preset", written, StringComparison.Ordinal); // everything is spelled out
    }

    [Fact]
    public void AGridIsEveryCombinationTheLastKeyFastest()
    {
        MethodPlan method = ExperimentYaml.Parse("f", SmallExperiment.Text).Methods[0];

        Assert.Equal(
            [("1", "1e-4"), ("1", "3e-4"), ("4", "1e-4"), ("4", "3e-4")],
            method.Candidates.Select(candidate => (candidate.Point["retain-coefficient"], candidate.Point["optimizer.learning-rate"])));
        var basis = (GradientDifferenceOptions)method.Settings.Options;
        Assert.Equal(basis with { RetainCoefficient = 4, Optimizer = basis.Optimizer with { LearningRate = 1e-4 } }, method.Candidates[2].Settings.Options);
    }

    [Fact]
    public void AGridMadeInCodeIsThatOfAFile()
    {
        MethodPlan read = ExperimentYaml.Parse("f", SmallExperiment.Text).Methods[0];

        MethodPlan made = MethodPlan.Of(read.Label, read.Settings).WithGrid("retain-coefficient", 1, 4).WithGrid("optimizer.learning-rate", 1e-4, 3e-4);

        Assert.Equal(read.Candidates.Select(candidate => candidate.Settings), made.Candidates.Select(candidate => candidate.Settings));
        Assert.Equal(["retain-coefficient", "optimizer.learning-rate"], made.Grid.Keys);
        Assert.Equal(["0.0001", "0.0003"], made.Grid["optimizer.learning-rate"]);
        Assert.Equal(["0.0003", "4"], made.Candidates[3].Point.Values.Order());
        Assert.Equal("method gd has no setting 'beta'", Assert.Throws<HybridException>(() => made.WithGrid("beta", 1)).Message);
        Assert.Throws<ArgumentException>(() => made.WithGrid("epochs"));
        Assert.Throws<ArgumentException>(() => made.WithGrid("epochs", 2, 2));
        Assert.Throws<ArgumentException>(() => made.WithGrid("retain-coefficient", 2));
    }

    [Fact]
    public void OverridesReachEverywhere()
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "e.yaml");
        File.WriteAllText(file, SmallExperiment.Text);

        ExperimentSettings settings = ExperimentYaml.Load(
            file, ["seeds=[7, 8]", "methods.1.kunbr.rounds=2", "attacks.rtt.epochs=5", "case-study={ questions: 1, maximum-tokens: 3 }", "title=a title: with a colon".Replace(": w", " w", StringComparison.Ordinal)]);

        Assert.Equal("5e-4", ExperimentYaml.Load(file, ["methods.0.grid.optimizer.learning-rate=[1e-4, 5e-4]"]).Methods[0].Candidates[1].Point["optimizer.learning-rate"]);
        Assert.Equal([7UL, 8UL], settings.Seeds);
        Assert.All(settings.Methods[1].Candidates, candidate => Assert.Equal(2, ((KUnBROptions)candidate.Settings.Options).Rounds));
        Assert.Equal((5, 1, "a title with a colon"), (settings.Attacks.Rtt.Epochs, settings.CaseStudy!.Questions, settings.Title));
    }

    [Theory]
    [InlineData("nonsense", "--set nonsense: expected path.to.key=value")]
    [InlineData("methods.9.label=x", "methods.9.label: there is no '9' in methods, which is a list of 2")]
    [InlineData("name.first=x", "name.first: there is no 'first' in name, which is 'small'")]
    [InlineData("sedes=[1]", "unknown key 'sedes'; did you mean 'seeds'?")]
    [InlineData("seeds=[-1]", "seeds.0: expected a whole number from 0, found '-1'")]
    [InlineData("jobs=0", "jobs 0 and threads 1 must be at least 1")]
    [InlineData("model={}", "model: expected folder, teach or both")]
    [InlineData("model.teach=huge", "model.teach: expected llama3-8b or tiny, found 'huge'")]
    [InlineData("model.teach=llama3-8b", "model.teach: llama3-8b has no small shape to make a model of; expected model.folder beside it")]
    [InlineData("model={ folder: m, teaching: { epochs: 1 } }", "key 'model.teaching.target-accuracy' is missing")]
    [InlineData("model={ teach: tiny, teaching: { epochs: 0 } }", "model.teaching: epochs 0, epochs per evaluation 2 and batch size 64 must be at least 1")]
    [InlineData("model={ teach: tiny, teaching: { epoch: 1 } }", "unknown key 'model.teaching.epoch'; did you mean 'epochs'?")]
    [InlineData("dataset.data=x", "dataset: expected one of data")]
    [InlineData("dataset.name=mmlu", "dataset.people: only random-birthdays can be made up")]
    [InlineData("dataset.name=./mine", "dataset.name: expected random-birthdays, years, wmdp-deduped, mmlu, found './mine'; one's own dataset goes under dataset.folder")]
    [InlineData("dataset.retain-text=wiki.txt", "dataset.retain-text: made-up birthdays have texts of their own")]
    [InlineData("methods.0.label=Original", "methods: label 'Original' must hold a letter or digit of ASCII, and not be 'original'")]
    [InlineData("methods.0.label=方法", "methods: label '方法' must hold a letter or digit of ASCII")]
    [InlineData("selection.allowed-retain-loss=5", "selection.allowed-retain-loss 5 must lie in 0 … 1; 0.05 is five points")]
    [InlineData("methods.0.grid.retain-coefficient=[2, 2]", "methods.0.grid.retain-coefficient: a value stands twice")]
    [InlineData("methods.0.gd.epochs=0", "e.yaml: GD: epochs 0 and batch size 5 must be at least 1")]
    [InlineData("attacks.quantization.bits=[8, 8]", "attacks.quantization: at least one number of bits is needed, and none twice")]
    [InlineData("attacks.rtt.learning-rates=[1e-4, 1e-4]", "attacks.rtt: a learning rate stands twice")]
    [InlineData("selection.tuning-folds=[2]", "selection.tuning-folds: at least one is needed, and none that attacks.rtt.folds reports on")]
    [InlineData("methods.0.grid={ retain-coefficient: [1, 2] }", "every method must get the same number of settings to try, found GD 2, KUnBR 4")]
    [InlineData("methods.0.grid={ retain-coefficient: 1 }", "methods.0.grid.retain-coefficient: expected a list of values, found '1'")]
    [InlineData("methods.0.grid={ alpha: [1] }", "method gd has no setting 'alpha'")]
    [InlineData("methods.0.grid={ retain-coefficient: [-1, 1, 2, 3] }", "retain coefficient -1 must not be negative")]
    [InlineData("methods.1.label=GD", "methods: the label 'GD' stands twice")]
    [InlineData("dtype=float16", "dtype: expected float32 or bfloat16, found 'float16'")]
    [InlineData("name=a/b", "name 'a/b' may hold letters, digits and hyphens only")]
    [InlineData("attacks.rtt.preset=x", "preset: expected llama3-8b or tiny, found 'x'")]
    public void MistakesAreNamed(string change, string message)
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "e.yaml");
        File.WriteAllText(file, SmallExperiment.Text);

        HybridException error = Assert.Throws<HybridException>(() => ExperimentYaml.Load(file, [change]));

        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AGridWithoutARuleIsAnError()
    {
        string text = SmallExperiment.Text[..SmallExperiment.Text.IndexOf("selection:", StringComparison.Ordinal)] + SmallExperiment.Text[SmallExperiment.Text.IndexOf("attacks:", StringComparison.Ordinal)..];

        Assert.Contains("selection is missing", Assert.Throws<HybridException>(() => ExperimentYaml.Parse("f", text)).Message, StringComparison.Ordinal);
    }
}
