using System.Text.Json;
using Hybrid.Orchestrator.Attack;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

public sealed class RelearningReportTests
{
    // Means over the two folds: at 1e-7 0.30 0.50 0.40, at 2e-7 0.30 0.45 0.60, at 4e-7 0.30 0.60 0.20.
    private static readonly RelearningReport Report = new(
        [
            Curve(0, 4e-7, [0.2, 0.9, 0.1]),
            Curve(0, 1e-7, [0.2, 0.4, 0.4]),
            Curve(0, 2e-7, [0.2, 0.5, 0.7]),
            Curve(1, 1e-7, [0.4, 0.6, 0.4]),
            Curve(1, 2e-7, [0.4, 0.4, 0.5]),
            Curve(1, 4e-7, [0.4, 0.3, 0.3]),
        ],
        []);

    [Fact]
    public void MeansAreOverFoldsByRateAndEpoch()
    {
        Assert.Equal([1e-7, 2e-7, 4e-7], Report.Means().Select(mean => mean.LearningRate));
        Assert.Equal([0.3, 0.5, 0.4, 0.3, 0.45, 0.6, 0.3, 0.6, 0.2], Report.Means().SelectMany(mean => mean.Accuracies).Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public void TheAttackersBestIsTheBestMeanNotTheBestFold()
    {
        Assert.Equal(0.6, Report.Accuracy, 1e-12); // one fold reaches 0.9
        Assert.Equal(0.6, Report.LastEpochAccuracy, 1e-12);
    }

    [Fact]
    public void TheLastEpochIsNotTheBestOne()
    {
        RelearningReport falling = new([Curve(0, 1e-7, [0.1, 0.8, 0.3]), Curve(0, 2e-7, [0.1, 0.2, 0.4])], []);

        Assert.Equal((0.8, 0.4, 1e-7), (falling.Accuracy, falling.LastEpochAccuracy, falling.BestLearningRate));
    }

    [Fact]
    public void TheBestRateIsWhereTheBestMeanStands()
    {
        RelearningReport clear = new([.. Report.Curves.Where(curve => curve.LearningRate != 4e-7)], []);
        RelearningReport equal = new([Curve(0, 4e-7, [0.9, 0.5]), Curve(0, 2e-7, [0.1, 0.5])], []);

        Assert.Equal(2e-7, clear.BestLearningRate);
        Assert.Equal(2e-7, equal.BestLearningRate); // the smallest of equals
    }

    [Fact]
    public void WhatStoodBeforeTheFirstStepDoesNotCount()
    {
        RelearningReport worse = new([Curve(0, 1e-7, [0.9, 0.5, 0.4]), Curve(0, 2e-7, [0.9, 0.3, 0.6])], []);

        Assert.Equal((0.6, 2e-7), (worse.Accuracy, worse.BestLearningRate));
    }

    [Theory]
    [InlineData(0.9, 0.5)]
    [InlineData(0.6, 1.0)]
    [InlineData(0.45, 2.0)]
    public void RecoveryIsWhatCameBackAndItsRateTheShareOfWhatWasForgotten(double original, double rate)
    {
        Assert.Equal(0.3, Report.AccuracyBefore, 1e-12); // mean of 0.2 and 0.4
        Assert.Equal(0.3, Report.Recovery, 1e-12);       // 0.6 − 0.3
        Assert.Equal(rate, Report.RecoveryRate(original), 1e-12);
    }

    [Fact]
    public void AnAttackThatMakesThingsWorseHasNegativeRecovery()
    {
        RelearningReport worse = new([Curve(0, 1e-7, [0.7, 0.5, 0.6])], []);

        Assert.Equal(-0.1, worse.Recovery, 1e-12);
        Assert.Equal(-0.5, worse.RecoveryRate(0.9), 1e-12);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.2)]
    public void WhereNothingWasForgottenThereIsNoRate(double original) => Assert.Equal(double.NaN, Report.RecoveryRate(original));

    [Fact]
    public void TheBestEpochIsTheFirstOfEqualsAtTheBestRate()
    {
        RelearningReport equal = new([Curve(0, 1e-7, [0.9, 0.4, 0.6, 0.6]), Curve(0, 2e-7, [0.9, 0.6, 0.1, 0.1])], []);

        Assert.Equal((1e-7, 2), (equal.BestLearningRate, equal.BestEpoch));
        Assert.Equal((2e-7, 2), (Tidy.BestLearningRate, Tidy.BestEpoch));
    }

    [Fact]
    public void ADivergedFoldEndsTheMeansOfItsRate()
    {
        RelearningReport report = new(
            [
                Curve(0, 1e-7, [0.2, 0.3, 0.4]),
                Curve(0, 2e-7, [0.2, 0.7, 0.9]),
                Curve(1, 1e-7, [0.4, 0.3, 0.4]),
                Curve(1, 2e-7, [0.4, 0.5]) with { Diverged = "the loss is NaN" },
            ],
            []);

        Assert.Equal([3, 2], report.Means().Select(mean => mean.Accuracies.Count));
        Assert.Equal(0.6, report.Accuracy, 1e-12);           // of 0.7 and 0.5; one fold's 0.9 has no partner
        Assert.Equal(0.4, report.LastEpochAccuracy, 1e-12);  // of the rate that came through
        Assert.Equal((2e-7, 1), (report.BestLearningRate, report.BestEpoch));
    }

    [Fact]
    public void ARateThatDivergesAtOnceIsOfNoUse()
    {
        RelearningReport report = new([Curve(0, 1e-7, [0.2, 0.1]), Curve(0, 1, [0.2]) with { Diverged = "x" }], []);

        Assert.Equal((0.1, 1e-7, 1), (report.Accuracy, report.BestLearningRate, report.BestEpoch));
        Assert.Equal(0.1, report.LastEpochAccuracy);
    }

    [Fact]
    public void CurvesThatMakeNoReportAreErrors()
    {
        RelearningCurve good = Curve(0, 1e-7, [0.2, 0.4]);
        RelearningCurve diverged = good with { Diverged = "attack split_0: the loss is NaN" };

        HybridException all = Assert.Throws<HybridException>(() => new RelearningReport([diverged, Curve(0, 2e-7, [0.2]) with { Diverged = "other" }], []));
        Assert.Equal((ErrorKind.Diverged, "every learning rate diverged; the first: attack split_0: the loss is NaN"), (all.Kind, all.Message));
        Bad("no curve", []);
        Bad("rate 2e-7 has curves of folds 1; expected one each of 0, 1", [good, good with { Fold = 1 }, Curve(1, 2e-7, [0.2, 0.4])]);
        Bad("rate 1e-7 has curves of folds 0, 0", [good, good]);
        Bad("fold 0 at rate 2e-7 has hits of 2 states and did not diverge; expected 3", [Curve(0, 1e-7, [0.2, 0.4, 0.4]), Curve(0, 2e-7, [0.2, 0.4])]);
        Bad("fold 0 at rate 2e-7 has hits of 2 questions; expected 10", [good, new RelearningCurve(0, 2e-7, ["10", "11"])]);
        Bad("hits '1x'", [new RelearningCurve(0, 2e-7, ["1x", "11"])]);

        static void Bad(string said, RelearningCurve[] curves)
        {
            HybridException error = Assert.Throws<HybridException>(() => new RelearningReport(curves, []));
            Assert.Equal(ErrorKind.Config, error.Kind);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TheIntervalDrawsWithinFolds()
    {
        // A fold of one right question and a fold of one wrong: the mean is 0.5 in every draw. Drawn from both, it would be 0 … 1.
        RelearningReport fixedMean = new([new RelearningCurve(0, 1e-7, ["0", "1"]), new RelearningCurve(1, 1e-7, ["0", "0"])], []);
        Assert.Equal((0.5, 0.5), fixedMean.Interval(0.95, 100, new SeededRandom(1)));

        // By hand, at the best rate and epoch (2e-7, 2), folds in order: 2 of 3 and 1 of 2 questions.
        RelearningReport report = new(
            [
                new RelearningCurve(1, 2e-7, ["00", "00", "01"]),
                new RelearningCurve(1, 1e-7, ["00", "00", "00"]),
                new RelearningCurve(0, 2e-7, ["000", "100", "110"]),
                new RelearningCurve(0, 1e-7, ["000", "111", "000"]),
            ],
            []);
        var random = new SeededRandom(4);
        var means = new List<double>();
        for (int draw = 0; draw < 10; draw++)
        {
            double first = Enumerable.Range(0, 3).Count(_ => random.NextInt(3) < 2) / 3.0, second = Enumerable.Range(0, 2).Count(_ => random.NextInt(2) == 1) / 2.0;
            means.Add((first + second) / 2);
        }

        means.Sort();
        (double low, double high) = report.Interval(0.8, 10, new SeededRandom(4));
        Assert.Equal((2e-7, 2), (report.BestLearningRate, report.BestEpoch));
        Assert.Equal((means[1], means[8]), (low, high));
        Assert.True(low < high);
    }

    [Theory]
    [InlineData(JsonUnknown.Skip)]
    [InlineData(JsonUnknown.Disallow)]
    public void ReportsAndCurvesGoThroughJson(JsonUnknown unknown)
    {
        RelearningReport report = new(
            [Curve(0, 1e-7, [0.2, 0.4]), Curve(0, 2e-7, [0.2]) with { Diverged = "the loss is NaN" }],
            [new FoldFacts(0, "split_0", 40, 10, 3)]);
        var options = new JsonSerializerOptions { UnmappedMemberHandling = (System.Text.Json.Serialization.JsonUnmappedMemberHandling)unknown };

        string text = JsonSerializer.Serialize(report, options);
        RelearningReport again = JsonSerializer.Deserialize<RelearningReport>(text, options)!;

        Assert.Equal(text, JsonSerializer.Serialize(again, options));
        Assert.Equal((0.4, 1e-7, 1, 0.2), (again.Accuracy, again.BestLearningRate, again.BestEpoch, again.AccuracyBefore));
        Assert.Equal((null, "the loss is NaN"), (again.Curves[0].Diverged, again.Curves[1].Diverged));
        Assert.Equal(["1100000000", "1111000000"], again.Curves[0].Hits);
        Assert.Equal(report.Folds, again.Folds);
    }

    /// <summary>What a reader does with members that it does not know.</summary>
    public enum JsonUnknown
    {
        Skip,
        Disallow,
    }

    // Without the rate at which two epochs and rates tie.
    private static RelearningReport Tidy => new([.. Report.Curves.Where(curve => curve.LearningRate != 4e-7)], []);

    /// <summary>Ten questions, so many of which are answered rightly.</summary>
    private static RelearningCurve Curve(int fold, double rate, double[] accuracies) =>
        new(fold, rate, [.. accuracies.Select(accuracy => new string('1', (int)Math.Round(10 * accuracy)).PadRight(10, '0'))]);
}
