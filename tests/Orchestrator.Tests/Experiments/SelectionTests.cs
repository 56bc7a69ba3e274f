using Hybrid.Orchestrator.Experiments;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Experiments;

public sealed class SelectionTests
{
    [Fact]
    public void OfThoseThatKeptTheLeastAfterTheAttackIsPicked() =>
        Assert.Equal(2, Selection.Pick([new(0, 0.96, 0.40), new(1, 0.80, 0.10), new(2, 0.95, 0.30)], retainBefore: 1.0, allowedLoss: 0.05).Index);

    [Fact]
    public void WhereNoneKeptTheOneThatKeptMostIsPicked() =>
        Assert.Equal(1, Selection.Pick([new(0, 0.60, 0.10), new(1, 0.70, 0.50), new(2, 0.65, 0.20)], retainBefore: 1.0, allowedLoss: 0.05).Index);

    [Fact]
    public void OfEqualsTheOneWithMoreRetainThenTheFirst()
    {
        Assert.Equal(1, Selection.Pick([new(0, 0.96, 0.3), new(1, 0.97, 0.3)], 1.0, 0.05).Index);
        Assert.Equal(0, Selection.Pick([new(0, 0.97, 0.3), new(1, 0.97, 0.3)], 1.0, 0.05).Index);
        Assert.Equal(0, Selection.Pick([new(0, 0.5, 0.3), new(1, 0.5, 0.1)], 1.0, 0.05).Index);
    }

    [Theory]
    [InlineData(0.95, true)] // exactly five points, whatever the rounding of 1 − 0.05
    [InlineData(0.9499, false)]
    [InlineData(1.0, true)]
    public void ALossOfExactlyTheAllowedPointsIsAllowed(double retain, bool keeps) => Assert.Equal(keeps, Selection.Keeps(retain, 1.0, 0.05));
}
