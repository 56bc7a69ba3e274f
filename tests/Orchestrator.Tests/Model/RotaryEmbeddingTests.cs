using Hybrid.Orchestrator.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class RotaryEmbeddingTests
{
    [Fact]
    public void FrequenciesFallGeometrically()
    {
        // Head width 4, theta 100: 100^0 and 100^(−2/4).
        double[] frequencies = RotaryEmbedding.InverseFrequencies(TestModels.Config(hidden: 8));

        Assert.Equal([1.0, 0.1], frequencies.Select(value => Math.Round(value, 15)));
    }

    [Fact]
    public void Llama3ScalingKeepsShortWavesSlowsLongOnesAndBlendsBetween()
    {
        // Head width 6, theta 1000: 1, 0.1, 0.01, that is wavelengths 6.28, 62.8, 628. With an original context of 100 turns,
        // they turn 15.9, 1.59 and 0.159 times: above 4 is kept, below 1 divided by 8, between blended by (turns − 1) / 3.
        LlamaConfig config = TestModels.Config(hidden: 12, scaling: new RopeScaling(8, 1, 4, 100)) with { RopeTheta = 1000 };
        double smooth = ((100 * 0.1 / (2 * Math.PI)) - 1) / 3;

        double[] frequencies = RotaryEmbedding.InverseFrequencies(config);

        Assert.Equal(3, frequencies.Length);
        Assert.Equal(1.0, frequencies[0], 1e-15);
        Assert.Equal(((1 - smooth) * 0.1 / 8) + (smooth * 0.1), frequencies[1], 1e-15);
        Assert.Equal(0.01 / 8, frequencies[2], 1e-15);
    }

    [Fact]
    public void TheBlendMeetsBothBands()
    {
        // Theta chosen so that the second pair turns exactly 4 times, then exactly once: the blend is all of one side there.
        foreach ((double turns, double expectedShare) in new[] { (4.0, 1.0), (1.0, 1.0 / 8) })
        {
            double frequency = turns * 2 * Math.PI / 100;
            LlamaConfig config = TestModels.Config(hidden: 8, scaling: new RopeScaling(8, 1, 4, 100)) with { RopeTheta = 1 / (frequency * frequency) };

            Assert.Equal(frequency * expectedShare, RotaryEmbedding.InverseFrequencies(config)[1], 1e-12);
        }
    }

    [Fact]
    public void Llama31sOwnNumbers()
    {
        // Meta-Llama-3.1-8B: head width 128, theta 500,000. Pair 0 turns with every position, pair 63 is slowed by eight.
        LlamaConfig config = TestModels.Config(hidden: 256, scaling: new RopeScaling(8, 1, 4, 8192)) with { RopeTheta = 500_000 };

        double[] frequencies = RotaryEmbedding.InverseFrequencies(config);

        Assert.Equal(64, frequencies.Length);
        Assert.Equal(1.0, frequencies[0]);
        Assert.Equal(Math.Pow(500_000, -126.0 / 128) / 8, frequencies[63], 1e-18);
        Assert.Equal(frequencies.OrderDescending(), frequencies);
    }
}
