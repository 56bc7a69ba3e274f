using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

[LeakLedger]
public sealed class GroupwiseRoundingTests
{
    [Fact]
    public void ByHand()
    {
        // 4 bits: 7 levels. Groups of 4: s = 0.7 / 7 = 0.1, then s = 14 / 7 = 2 (half-way: 3 / 2 = 1.5 to 2, 5 / 2 = 2.5 to 2), then nothing but zeros.
        float[] values = [0.7f, -0.26f, 0.04f, 0.34f, -14, 3, 5, 0.9f, 0, 0, 0, 0];

        GroupwiseRounding.Round(values, bits: 4, groupSize: 4);

        Assert.Equal([0.7f, -0.3f, 0, 0.3f, -14, 4, 4, 0, 0, 0, 0, 0], values.Select(value => MathF.Round(value, 6)));
    }

    [Theory]
    [InlineData(128, 128, 128)]
    [InlineData(4096, 128, 128)]
    [InlineData(168, 128, 84)]
    [InlineData(64, 128, 64)]
    [InlineData(131, 128, 1)]
    [InlineData(96, 36, 32)]
    public void TheGroupIsTheLargestDivisorNotBeyondTheWish(long inputs, int wished, int expected) => Assert.Equal(expected, GroupwiseRounding.GroupSizeFor(inputs, wished));

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    [InlineData(2)]
    public void NoWeightMovesByMoreThanHalfAStepAndAGroupHasFewValues(int bits)
    {
        const int GroupSize = 64;
        float[] before = Normal(20 * GroupSize, 1), after = [.. before];
        int levels = (1 << (bits - 1)) - 1;

        GroupwiseRounding.Round(after, bits, GroupSize);

        foreach ((float[] old, float[] rounded) in before.Chunk(GroupSize).Zip(after.Chunk(GroupSize)))
        {
            double step = old.Max(Math.Abs) / (double)levels;
            Assert.All(old.Zip(rounded), pair => Assert.InRange(Math.Abs((double)pair.First - pair.Second), 0, step * 0.500001));
            Assert.All(rounded, value => Assert.Equal(Math.Round(value / step), value / step, 1e-4));
            Assert.InRange(rounded.Distinct().Count(), 2, (1 << bits) - 1);
            Assert.Equal(old.Max(Math.Abs), rounded.Max(Math.Abs)); // the largest is a level itself
        }
    }

    [Theory]
    [InlineData(ElementType.Float32, 8)]
    [InlineData(ElementType.Float32, 4)]
    [InlineData(ElementType.BFloat16, 8)]
    [InlineData(ElementType.BFloat16, 4)]
    public void RoundingTwiceIsRoundingOnce(ElementType type, int bits)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor weight = Tensor.From<float>(Normal(6 * 96, 2), [6, 96], Device.Cpu).CloneTo(type, Device.Cpu), before = weight.Clone();

        GroupwiseRounding.Round(weight, bits, 32);
        Tensor once = weight.Clone();
        GroupwiseRounding.Round(weight, bits, 32);

        Assert.Equal(type, weight.ElementType);
        Assert.InRange(before.CountDifferent(once), bits == 4 ? 400 : 200, 576);
        Assert.Equal(0, once.CountDifferent(weight));
    }

    [Fact]
    public void AWeightsGroupsRunAlongItsInputs()
    {
        using TensorScope scope = TensorScope.Begin();
        // [out 2, in 4] in groups of 2: (7, 1) stays, (70, 6) has step 10; as columns, (7, 70) would make 7 a zero.
        Tensor weight = Tensor.From<float>([7, 1, 70, 6, 0.7f, 0.12f, 0, 0], [2, 4], Device.Cpu);

        GroupwiseRounding.Round(weight, 4, 2);

        Assert.Equal([7, 1, 70, 10, 0.7, 0.1, 0, 0], weight.ToDoubles().Select(value => Math.Round(value, 6)));
    }

    [Fact]
    public void WhatIsNoNumberIsNotHidden()
    {
        float[] values = [1, float.NaN, 0.5f];

        GroupwiseRounding.Round(values, 4, 3);

        Assert.All(values, value => Assert.True(float.IsNaN(value)));
    }

    private static float[] Normal(int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
    }
}
