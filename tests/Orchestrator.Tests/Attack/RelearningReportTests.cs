using Hybrid.Orchestrator.Attack;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

public sealed class RelearningReportTests
{
    // Means over the two folds: at 1e-7 0.30 0.50 0.40, at 2e-7 0.30 0.45 0.60, at 4e-7 0.30 0.60 0.20.
    private static readonly RelearningReport Report = new(
        [
            new RelearningCurve(0, 4e-7, [0.2, 0.9, 0.1]),
            new RelearningCurve(0, 1e-7, [0.2, 0.4, 0.4]),
            new RelearningCurve(0, 2e-7, [0.2, 0.5, 0.7]),
            new RelearningCurve(1, 1e-7, [0.4, 0.6, 0.4]),
            new RelearningCurve(1, 2e-7, [0.4, 0.4, 0.5]),
            new RelearningCurve(1, 4e-7, [0.4, 0.3, 0.3]),
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
        RelearningReport falling = new([new RelearningCurve(0, 1e-7, [0.1, 0.8, 0.3]), new RelearningCurve(0, 2e-7, [0.1, 0.2, 0.4])], []);

        Assert.Equal((0.8, 0.4, 1e-7), (falling.Accuracy, falling.LastEpochAccuracy, falling.BestLearningRate));
    }

    [Fact]
    public void TheBestRateIsWhereTheBestMeanStands()
    {
        RelearningReport clear = new([.. Report.Curves.Where(curve => curve.LearningRate != 4e-7)], []);
        RelearningReport equal = new([new RelearningCurve(0, 4e-7, [0.9, 0.5]), new RelearningCurve(0, 2e-7, [0.1, 0.5])], []);

        Assert.Equal(2e-7, clear.BestLearningRate);
        Assert.Equal(2e-7, equal.BestLearningRate); // the smallest of equals
    }

    [Fact]
    public void WhatStoodBeforeTheFirstStepDoesNotCount()
    {
        RelearningReport worse = new([new RelearningCurve(0, 1e-7, [0.9, 0.5, 0.4]), new RelearningCurve(0, 2e-7, [0.9, 0.3, 0.6])], []);

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
        RelearningReport worse = new([new RelearningCurve(0, 1e-7, [0.7, 0.5, 0.6])], []);

        Assert.Equal(-0.1, worse.Recovery, 1e-12);
        Assert.Equal(-0.5, worse.RecoveryRate(0.9), 1e-12);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.2)]
    public void WhereNothingWasForgottenThereIsNoRate(double original) => Assert.Equal(double.NaN, Report.RecoveryRate(original));
}
