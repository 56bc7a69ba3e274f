using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class SettingsYamlTests
{
    [Theory]
    [InlineData("unlearn-ga-tiny.yaml", "tiny", "ga")]
    [InlineData("unlearn-gd-tiny.yaml", "tiny", "gd")]
    [InlineData("unlearn-rmu-tiny.yaml", "tiny", "rmu")]
    [InlineData("unlearn-ria-tiny.yaml", "tiny", "ria")]
    [InlineData("unlearn-npo-tiny.yaml", "tiny", "npo")]
    [InlineData("unlearn-simnpo-tiny.yaml", "tiny", "simnpo")]
    [InlineData("unlearn-dpo-tiny.yaml", "tiny", "dpo")]
    [InlineData("unlearn-kunbr-tiny.yaml", "tiny", "kunbr")]
    [InlineData("unlearn-ga-llama3-8b.yaml", "llama3-8b", "ga")]
    [InlineData("unlearn-gd-llama3-8b.yaml", "llama3-8b", "gd")]
    [InlineData("unlearn-rmu-llama3-8b.yaml", "llama3-8b", "rmu")]
    [InlineData("unlearn-ria-llama3-8b.yaml", "llama3-8b", "ria")]
    [InlineData("unlearn-npo-llama3-8b.yaml", "llama3-8b", "npo")]
    [InlineData("unlearn-simnpo-llama3-8b.yaml", "llama3-8b", "simnpo")]
    [InlineData("unlearn-dpo-llama3-8b.yaml", "llama3-8b", "dpo")]
    [InlineData("unlearn-kunbr-llama3-8b.yaml", "llama3-8b", "kunbr")]
    public void ShippedFilesAreThePresets(string file, string preset, string method)
    {
        string path = RepositoryFolder.PathOf(Path.Combine("configs", file));

        Assert.Equal(UnlearningPresets.Find(preset, method), SettingsYaml.Load(path));
        Assert.StartsWith("# hybrid unlearn ", File.ReadLines(path).First(), StringComparison.Ordinal);
        Assert.Contains($"--config configs/{file} ", File.ReadLines(path).First(), StringComparison.Ordinal);
    }

    [Fact]
    public void EveryShippedFileIsTested() => Assert.Equal(16, Directory.GetFiles(RepositoryFolder.PathOf("configs"), "unlearn-*.yaml").Length);

    [Fact]
    public void WhatIsWrittenReadsBackEqual() => Assert.All(AllPresets, settings => Assert.Equal(settings, SettingsYaml.Parse("written", SettingsYaml.Write(settings))));

    [Fact]
    public void EveryPresetHasAMeaningAndMakesItsMethod() => Assert.All(AllPresets, settings =>
    {
        Assert.Empty(settings.Validate());
        Assert.Contains(settings.MethodName, UnlearningPresets.Methods);
        Assert.Equal($"{settings.CreateMethod().GetType().Name}Options", settings.Options.GetType().Name);
    });

    [Fact]
    public void EveryMethodOfAPresetTakesAsManySteps() =>
        Assert.All(UnlearningPresets.Names, name => Assert.InRange(Presets(name).Where(settings => name == "tiny" || settings.MethodName != "kunbr").Select(settings => settings.CreateMethod().CountSteps(157, 157)).Distinct().Count(), 1, 1));

    [Fact]
    public void EveryMethodHasAPageWithItsOptionsAndAConfigurationThatReads() => Assert.All(UnlearningPresets.Methods, method =>
    {
        UnlearningSettings preset = UnlearningPresets.Find("tiny", method);
        string page = File.ReadAllText(RepositoryFolder.PathOf($"docs/methods/{preset.MethodName}.md")), index = File.ReadAllText(RepositoryFolder.PathOf("docs/methods/README.md"));
        var section = (IReadOnlyDictionary<string, object>)SettingsYaml.ToObject(preset)[preset.MethodName];

        Assert.All(section.Keys, key => Assert.Contains($"`{key}`", page, StringComparison.Ordinal));
        Assert.Equal(method, SettingsYaml.Parse("page", page.Split("```yaml\n")[1].Split("```")[0]).MethodName);
        Assert.Contains($"--method {preset.MethodName} ", page, StringComparison.Ordinal);
        Assert.Contains($"[{preset.MethodName}]({preset.MethodName}.md)", index, StringComparison.Ordinal);
    });

    [Fact]
    public void UnknownNamesAndRefusalsWithoutQuestionsAreErrors()
    {
        UnlearningSettings text = UnlearningPresets.Find("tiny", "dpo") with { ForgetForm = ExampleForm.Corpus };

        Assert.Equal("unknown preset 'huge'; known are llama3-8b, tiny", Assert.Throws<HybridException>(() => UnlearningPresets.Find("huge", "gd")).Message);
        Assert.Equal("unknown method 'gda'; known are ga, gd, rmu, ria, npo, simnpo, dpo, kunbr", Assert.Throws<HybridException>(() => UnlearningPresets.Find("tiny", "gda")).Message);
        Assert.Equal(["method 'dpo' answers questions with refusals; the forget form must be one of questions, not corpus"], text.Validate());
    }

    [Fact]
    public void TheObjectAsJsonReadsBackEqual()
    {
        UnlearningSettings settings = UnlearningPresets.Find("llama3-8b", "kunbr");

        string json = System.Text.Json.JsonSerializer.Serialize(SettingsYaml.ToObject(settings));

        Assert.Equal(settings, SettingsYaml.Parse("json", json));
        Assert.StartsWith("""{"method":"kunbr","forget-form":"letter-answer","retain-form":"corpus","maximum-tokens":512,"kunbr":{"pre-unlearning":{"retain-coefficient":0.1,""", json, StringComparison.Ordinal);
    }

    [Fact]
    public void APresetGivesWhatIsNotGiven()
    {
        UnlearningSettings settings = SettingsYaml.Parse("f", """
            preset: tiny
            retain-form: corpus
            method: kunbr
            kunbr:
              rounds: 3
              strategy: average
              pre-unlearning:
                optimizer: { kind: adamw, learning-rate: 1E-5 }
            """);

        UnlearningSettings preset = UnlearningPresets.Find("tiny", "kunbr");
        var kunbr = (KUnBROptions)preset.Options;
        Assert.Equal(
            preset with
            {
                RetainForm = ExampleForm.Corpus,
                Options = kunbr with
                {
                    Rounds = 3,
                    Strategy = BlockStrategy.Average,
                    PreUnlearning = kunbr.PreUnlearning with { Optimizer = kunbr.PreUnlearning.Optimizer with { Kind = OptimizerKind.AdamW, LearningRate = 1e-5 } },
                },
            },
            settings);
    }

    [Theory]
    [InlineData("kind: lion", "kind: lino", "f:8: gd.optimizer.kind: expected lion or adamw or sgd, found 'lino'")]
    [InlineData("epochs: 3", "epoch: 3", "f:6: unknown key 'gd.epoch'; did you mean 'epochs'?")]
    [InlineData("method: gd", "methods: gd", "f:1: method: expected ga or gd or rmu or ria or npo or simnpo or dpo or kunbr, found no such key")]
    [InlineData("  epochs: 3\n", "  epochs: 3\n  epochs: 4\n", "f:7: key 'epochs' stands twice; first in line 6")]
    [InlineData("  epochs: 3\n", "", "f:6: key 'gd.epochs' is missing; expected a whole number, or a preset to take it from")]
    [InlineData("method: gd", "method: gda", "f:1: method: expected ga or gd or rmu or ria or npo or simnpo or dpo or kunbr, found 'gda'")]
    [InlineData("method: gd", "method: Gd", "f:1: method: expected ga or gd or rmu or ria or npo or simnpo or dpo or kunbr, found 'Gd'")]
    [InlineData("epochs: 3", "epochs: 3.5", "f:6: gd.epochs: expected a whole number, found '3.5'")]
    [InlineData("epochs: 3", "epochs: \"3\"", "f:6: gd.epochs: expected a whole number, found '3'")]
    [InlineData("epochs: 3", "epochs:", "f:6: gd.epochs: expected a whole number, found nothing")]
    [InlineData("epochs: 3", "epochs: 99999999999", "f:6: gd.epochs: expected a whole number, found '99999999999'")]
    [InlineData("epochs: 3", "epochs: [3]", "f:6: gd.epochs: expected a whole number, found a list")]
    [InlineData("epochs: 3", "epochs: {a: 3}", "f:6: gd.epochs: expected a whole number, found a section")]
    [InlineData("learning-rate: 3e-4", "learning-rate: fast", "f:8: gd.optimizer.learning-rate: expected a number, found 'fast'")]
    [InlineData("learning-rate: 3e-4", "learning-rate: .inf", "f:8: gd.optimizer.learning-rate: expected a number, found '.inf'")]
    [InlineData("learning-rate: 3e-4", "learning-rate: NaN", "f:8: gd.optimizer.learning-rate: expected a number, found 'NaN'")]
    [InlineData("epochs: 3", "epochs: &a 3", "f:6: anchors (&name) are not allowed in settings")]
    [InlineData("epochs: 3", "epochs: *a", "f:6: aliases (*name) are not allowed in settings")]
    [InlineData("epochs: 3", "epochs: !!int 3", "f:6: tags (!name) are not allowed in settings")]
    [InlineData("method: gd", "method: gd\npreset: tiny", "f:2: key 'preset' must be the first")]
    [InlineData("method: gd", "preset: huge\nmethod: gd", "f:1: preset: expected llama3-8b or tiny, found 'huge'")]
    [InlineData("method: gd", "preset: tiny\nmethod: nqo", "f:2: method: expected ga or gd or rmu or ria or npo or simnpo or dpo or kunbr, found 'nqo'")]
    [InlineData("method: gd\n", "preset: tiny\n", "f:1: method: expected ga or gd or rmu or ria or npo or simnpo or dpo or kunbr, found no such key")]
    [InlineData("method: gd", "[method]: gd", "f:1: expected a key, found a list")]
    [InlineData("  retain-coefficient: 1\n", "  retain-coefficient: 1\nnpo:\n  beta: 0.1\n", "f:11: npo: options of another method stand beside method 'gd'")]
    [InlineData("  retain-coefficient: 1\n", "  retain-coefficient: 1\nga: {epochs: 1, batch-size: 1, optimizer: {kind: sgd, learning-rate: 1, warmup-steps: 0, weight-decay: 0}}\n", "f:11: ga: options of another method stand beside method 'gd'")]
    [InlineData("method: gd", "method: kunbr", "f:5: gd: options of another method stand beside method 'kunbr'")]
    public void MistakesAreNamedWithTheirLine(string there, string instead, string message)
    {
        Assert.Contains(there, Valid, StringComparison.Ordinal);

        Assert.Equal(message, Error(Valid.Replace(there, instead, StringComparison.Ordinal)));
    }

    [Fact]
    public void TheTextOfTheseTestsIsValid() => Assert.Equal(3, ((GradientDifferenceOptions)SettingsYaml.Parse("f", Valid).Options).Epochs);

    [Fact]
    public void EveryProblemStandsInOneLine() => Assert.Equal(
        "f: maximum tokens 0 must be at least 2; retain coefficient -1 must not be negative; epochs 0 and batch size 4 must be at least 1; learning rate -1 must be positive",
        Error(Valid.Replace(" 512", " 0", StringComparison.Ordinal).Replace("coefficient: 1", "coefficient: -1", StringComparison.Ordinal).Replace("epochs: 3", "epochs: 0", StringComparison.Ordinal)
            .Replace("learning-rate: 3e-4", "learning-rate: -1", StringComparison.Ordinal)));

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    public void AnEmptyFileIsAnError(string text) => Assert.Equal("f: holds no setting", Error(text));

    [Theory]
    [InlineData("gd", "f:1: expected 'key: value' lines, found 'gd'")]
    [InlineData("- gd", "f:1: expected 'key: value' lines, found a list")]
    [InlineData("a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "f:1: sections are nested deeper than 16")]
    public void OtherShapesAreErrors(string text, string message) => Assert.Equal(message, Error(text));

    [Fact]
    public void ASecondDocumentIsAnError() => Assert.Equal("f:11: a second document begins; expected one", Error(Valid + "---\nmethod: gd\n"));

    [Theory]
    [InlineData("method: [gd")]
    [InlineData("method: gd\n\tgd: 1")]
    [InlineData("method: 'gd")]
    [InlineData("a: b: c")]
    [InlineData("\u0000")]
    [InlineData("%YAML 9.9\n---\na: 1")]
    public void WhatIsNotYamlIsOneLine(string text)
    {
        string message = Error(text);

        Assert.StartsWith("f:", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void AMissingFileAndForeignBytesAreErrors()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("latin.yaml"), [0x61, 0x3A, 0xE9]);

        Assert.EndsWith("none.yaml: no such file", Assert.Throws<HybridException>(() => SettingsYaml.Load(folder.File("none.yaml"))).Message, StringComparison.Ordinal);
        Assert.EndsWith("latin.yaml: holds bytes that are not UTF-8", Assert.Throws<HybridException>(() => SettingsYaml.Load(folder.File("latin.yaml"))).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<UnlearningSettings> AllPresets => UnlearningPresets.Names.SelectMany(Presets);

    private static IEnumerable<UnlearningSettings> Presets(string name) => UnlearningPresets.Methods.Select(method => UnlearningPresets.Find(name, method));

    private const string Valid = """
        method: gd
        forget-form: letter-answer
        retain-form: corpus
        maximum-tokens: 512
        gd:
          epochs: 3
          batch-size: 4
          optimizer: {kind: lion, learning-rate: 3e-4,
                      warmup-steps: 4, weight-decay: 0}
          retain-coefficient: 1

        """;

    private static string Error(string text)
    {
        HybridException error = Assert.Throws<HybridException>(() => SettingsYaml.Parse("f", text));
        Assert.Equal(ErrorKind.Config, error.Kind);
        return error.Message;
    }
}
