using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Experiments;

/// <summary>The report's figures, worked out by hand from hits.</summary>
[LeakLedger]
public sealed class ReportBuilderTests
{
    // Ten people in five splits: V of folds 1 and 2 has two questions each.
    private static readonly ExperimentSettings Settings = ExperimentYaml.Parse("f", SmallExperiment.Text);

    private static readonly SeedWorld[] Worlds = [.. Settings.Seeds.Select(seed => new SeedWorld(Settings, HybridRegistry.BuiltIn, seed, Device.Cpu, "nowhere"))];

    [Fact]
    public void FiguresAreMeansOverFoldsAtTheAttackersBest()
    {
        MethodReport method = Build().Methods[0];

        // Rate 1e-4: folds 0/2 and 1/2 before, 2/2 and 1/2 after the first epoch, 1/2 and 1/2 after the last. Rate 3e-4 is worse throughout.
        Assert.Equal([0.25, 0.5], method.Forget.PerSeed);
        Assert.Equal([0.75, 0.5], method.Rtt.PerSeed);
        Assert.Equal([0.5, 0.5], method.RttLast.PerSeed);
        Assert.Equal([0.5, 0.0], method.Recovery.PerSeed);
        Assert.Equal((1e-4, 1), (method.Picked[0].RttLearningRate, method.Picked[0].RttEpoch));
        // Of 1 − 0.25 forgotten, 0.5 came back; the second seed forgot 0.5 and nothing came back.
        Assert.Equal(2.0 / 3, method.RecoveryRate.PerSeed[0], 1e-12);
        Assert.Equal(0, method.RecoveryRate.PerSeed[1]);
        Assert.Equal([0.5, 0.4], method.Retain.PerSeed);
        Assert.Equal([0.3, 0.2], method.ForgetCalibrated.PerSeed);
    }

    [Fact]
    public void CurvesAreMeansOverFoldsAndSeeds()
    {
        MethodReport method = Build().Methods[0];

        Assert.Equal([1e-4, 3e-4], method.RttCurves.Select(curve => curve.LearningRate));
        Assert.Equal([(0.25 + 0.5) / 2, (0.75 + 0.5) / 2, (0.5 + 0.5) / 2], method.RttCurves[0].Accuracies);
    }

    [Fact]
    public void PassesThatNotEverySeedHasAreLeftOut()
    {
        MethodReport method = Build().Methods[0];

        Assert.Equal([(0, 0.95), (2, 0.3)], method.ForgetByPass.Select(point => (point.Pass, Math.Round(point.Accuracy, 12))));
    }

    [Fact]
    public void RetainRelearningIsTheBestByTheMeanOverFolds() =>
        // Pooled over the four questions both epochs have 2 hits; so have the folds' means here, and the first epoch counts.
        Assert.Equal([0.5, 0.5], Build().Methods[0].RetainRelearning!.PerSeed);

    [Fact]
    public void ARecoveryRateOfNextToNothingIsNone()
    {
        ExperimentReport report = Build(originalHits: ["01", "00"]); // 0.25 known before, 0.25 after unlearning in the first seed

        Assert.True(double.IsNaN(report.Methods[0].RecoveryRate.PerSeed[0]));
    }

    private static ExperimentReport Build(string[]? originalHits = null)
    {
        OriginalResult[] originals = [.. Worlds.Select(_ => new OriginalResult(originalHits ?? ["11", "11"], "1111111111", [0.5, 0.5], 100, 1.5, ["a", "b"]))];
        AttackedTrial[] picked =
        [
            .. Worlds.SelectMany((world, seed) => Settings.Methods.Select(plan =>
            {
                IReadOnlyList<PassPoint> passes = seed == 0
                    ? [new(0, "original", 1.0), new(1, "unlearn", 0.5), new(2, "unlearn", 0.4)]
                    : [new(0, "original", 0.9), new(2, "unlearn", 0.2)];
                var outcome = new Outcome(new Trial(world, plan, 0, "original"), new UnlearnResult(null, 4, 1, 0.9, passes, [new(1, "unlearn", 1, null, null)], []))
                {
                    Measured = new MeasureResult(null, 0.3, seed == 0 ? 0.3 : 0.2, seed == 0 ? "1111100000" : "1111000000", 2.0),
                    Picked = true,
                    KeptRetain = true,
                };
                RelearningCurve[] curves = seed == 0
                    ? [new(1, 1e-4, ["00", "11", "10"]), new(2, 1e-4, ["10", "10", "01"]), new(1, 3e-4, ["00", "00", "00"]), new(2, 3e-4, ["10", "10", "00"])]
                    : [new(1, 1e-4, ["10", "10", "10"]), new(2, 1e-4, ["01", "01", "01"]), new(1, 3e-4, ["10", "00", "00"]), new(2, 3e-4, ["01", "00", "00"])];
                return new AttackedTrial(
                    outcome,
                    new RelearningReport(curves, []),
                    [new QuantizationHits(4, ["10", "00"], "1111100000")],
                    new RelearningReport([new(0, 1e-4, ["0000", "1100", "0101"])], []),
                    null,
                    [],
                    [],
                    seed == 0 ? new CaseAnswers(["x", "y"], ["z", "w"]) : null);
            })),
        ];
        return new ReportBuilder(Settings, Worlds).Build(originals, [], [], picked, [.. picked.Select(pick => pick.Outcome)], DateTime.UnixEpoch, 1);
    }
}
