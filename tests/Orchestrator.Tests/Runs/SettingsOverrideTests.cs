using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class SettingsOverrideTests
{
    [Fact]
    public void OneValueIsReplaced()
    {
        UnlearningSettings npo = UnlearningPresets.Find("tiny", "npo");
        var options = (NpoOptions)npo.Options;

        Assert.Equal(npo with { Options = options with { Beta = 1.5e-20 } }, npo.With("beta", 1.5e-20));
        Assert.Equal(npo with { Options = options with { Epochs = 7 } }, npo.With("epochs", 7));
        Assert.Equal(npo with { Options = options with { Optimizer = options.Optimizer with { Kind = OptimizerKind.AdamW } } }, npo.With("optimizer.kind", OptimizerKind.AdamW));
    }

    [Fact]
    public void KUnBRsGradientDifferenceStandsOneLevelDeeper()
    {
        UnlearningSettings kunbr = UnlearningPresets.Find("tiny", "kunbr");
        var options = (KUnBROptions)kunbr.Options;

        Assert.Equal(kunbr with { Options = options with { PreUnlearning = options.PreUnlearning with { RetainCoefficient = 5 } } }, kunbr.With("retain-coefficient", 5.0));
        Assert.Equal(kunbr with { Options = options with { Strategy = BlockStrategy.Head, Reinsert = false } }, kunbr.With("strategy", BlockStrategy.Head).With("reinsert", false));
    }

    [Fact]
    public void EveryMethodHasALearningRateAndAllButOneAnAlpha()
    {
        foreach (string method in UnlearningPresets.Methods)
        {
            UnlearningSettings preset = UnlearningPresets.Find("llama3-8b", method);
            UnlearningSettings changed = preset.With("optimizer.learning-rate", 3e-5);

            Assert.Contains("learning-rate: 3e-05\n", SettingsYaml.Write(changed), StringComparison.Ordinal);
            Assert.Equal(preset, changed.With("optimizer.learning-rate", LearningRate(preset))); // and nothing else changed
            Assert.Equal(method != "ga", preset.Has("retain-coefficient"));
        }
    }

    [Theory]
    [InlineData("ga", "retain-coefficient", "method ga has no setting 'retain-coefficient'")]
    [InlineData("rmu", "beta", "method rmu has no setting 'beta'")]
    [InlineData("gd", "optimizer.rate", "method gd has no setting 'optimizer.rate'")]
    [InlineData("gd", "epochs.more", "method gd has no setting 'epochs.more'")]
    public void AnotherMethodsSettingIsAnError(string method, string key, string message)
    {
        UnlearningSettings settings = UnlearningPresets.Find("tiny", method);

        Assert.False(settings.Has(key));
        Assert.Equal(message, Assert.Throws<HybridException>(() => settings.With(key, 1)).Message);
    }

    [Fact]
    public void AnotherTypeIsAnError() => Assert.Equal(
        "settings: gd.epochs: expected a whole number, found '2.5'",
        Assert.Throws<HybridException>(() => UnlearningPresets.Find("tiny", "gd").With("epochs", 2.5)).Message);

    private static double LearningRate(UnlearningSettings settings) => double.Parse(
        SettingsYaml.Write(settings).Split('\n').Single(line => line.Trim().StartsWith("learning-rate:", StringComparison.Ordinal)).Split(": ")[1], System.Globalization.CultureInfo.InvariantCulture);
}
