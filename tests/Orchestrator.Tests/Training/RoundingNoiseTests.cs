using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Training;

/// <summary>Names of random numbers: another for every step, parameter and stream, the same when asked again.</summary>
public sealed class RoundingNoiseTests
{
    [Fact]
    public void EveryStepParameterAndStreamHasItsOwn()
    {
        int[] positions = [.. Enumerable.Range(0, 50)];
        ulong[] all =
        [
            .. new[] { new SeededRandom(1), new SeededRandom(2), new SeededRandom(1).Fork("stage") }
                .SelectMany(random => Enumerable.Range(1, 20).SelectMany(step => new RoundingNoise(random).For(step, positions))),
        ];

        Assert.Equal(3 * 20 * 50, all.Distinct().Count());
    }

    [Fact]
    public void AStepMadeInPartsHasTheSame()
    {
        var noise = new RoundingNoise(new SeededRandom(3));

        ulong[] whole = noise.For(7, [4, 5, 6]);

        ulong[] parts = [.. noise.For(7, [4]), .. noise.For(7, [5, 6])];
        Assert.Equal(whole, parts);
        ulong[] backwards = [.. new RoundingNoise(new SeededRandom(3)).For(7, [6, 5, 4]).Reverse()];
        Assert.Equal(whole, backwards);
    }
}
