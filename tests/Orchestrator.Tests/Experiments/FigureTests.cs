using Hybrid.Orchestrator.Experiments;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Experiments;

public sealed class FigureTests
{
    [Fact]
    public void MeanAndSampleDeviationByHand()
    {
        var figure = new Figure([0.2, 0.4, 0.9]);

        Assert.Equal(0.5, figure.Mean, 12);
        Assert.Equal(Math.Sqrt((0.09 + 0.01 + 0.16) / 2), figure.StandardDeviation!.Value, 12);
    }

    [Fact]
    public void OneSeedHasNoDeviation() => Assert.Null(new Figure([0.3]).StandardDeviation);
}
