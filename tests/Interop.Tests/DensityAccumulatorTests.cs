using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>What one batched backward pass accumulates, against the gradients of every example on its own.</summary>
public sealed class DensityAccumulatorTests : LedgerTest
{
    private const int Hidden = 10, Wide = 13, Vocabulary = 11;

    // One example has a single row and one has none.
    private static readonly long[] Offsets = [0, 3, 4, 4, 11, 20];

    [Theory]
    [InlineData(ElementType.Float64, 1e-11)]
    [InlineData(ElementType.Float32, 1e-4)]
    [InlineData(ElementType.BFloat16, 0.05)]
    public void EqualsTheNormsOfEachExamplesGradients(ElementType type, double tolerance) => InstructionSets.ForEach(_ =>
    {
        using TensorScope scope = TensorScope.Begin();
        Layer[] layers = [new Layer(1, type), new Layer(2, type)];
        Tensor table = Make.Random(3, Vocabulary, Hidden).To(type, Device.Cpu), x = Make.Parameter(4, type, Offsets[^1], Hidden);
        using var density = new DensityAccumulator(Offsets, layers.Length);
        Autograd.Gradients(Loss(x, layers, table, 0, density), [x]);

        double[,] expected = new double[Offsets.Length - 1, layers.Length];
        for (int example = 0; example < Offsets.Length - 1; example++)
        {
            Tensor rows = x.Detach().Narrow(0, Offsets[example], Offsets[example + 1] - Offsets[example]);
            if (rows.Shape[0] == 0)
            {
                continue;
            }

            Tensor loss = Loss(rows, layers, table, Offsets[example], null);
            Tensor?[] gradients = Autograd.Gradients(loss, [.. layers.SelectMany(layer => layer.Weights)]);
            for (int i = 0; i < gradients.Length; i++)
            {
                expected[example, i / layers[0].Weights.Length] += gradients[i]!.ToDoubles().Sum(Math.Abs);
            }
        }

        Expect.Close([.. expected.Cast<double>()], [.. density.Values().Cast<double>()], tolerance);
        Assert.All(new[] { 0, 1, 3, 4 }, example => Assert.True(expected[example, 0] > 0.1 && expected[example, 1] > 0.1));
        Assert.Equal(0, density.Values()[2, 1]);
    });

    // A long example and a wide matrix, so that several tiles and tails of vectors are met.
    [Fact]
    public void EqualsTheNormsOfALargeMatrix() => InstructionSets.ForEach(_ =>
    {
        using TensorScope scope = TensorScope.Begin();
        long[] offsets = [0, 70, 71, 203];
        Tensor x = Make.Parameter(1, ElementType.Float64, 203, 75), weight = Make.Parameter(2, ElementType.Float64, 301, 75);
        using var density = new DensityAccumulator(offsets, 1);
        Autograd.Gradients(Transformer.Linear(x, weight, density).Square().Sum(), [x]);

        for (int example = 0; example < 3; example++)
        {
            Tensor rows = x.Detach().Narrow(0, offsets[example], offsets[example + 1] - offsets[example]);
            double expected = Autograd.Gradients(Transformer.Linear(rows, weight).Square().Sum(), [weight])[0]!.Abs().Sum().Item();
            Expect.Close([expected], [density.Values()[example, 0]], 1e-11);
        }
    });

    [Fact]
    public void ByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([3, 1], 1, 2, -3), weight = Make.Doubles([2, 1], 5, 7), slope = Make.Doubles([3, 2], 1, -1, 1, 1, 2, 0);
        weight.RequiresGrad = true;
        using var density = new DensityAccumulator([0, 2, 3], 4);
        Assert.All(density.Values().Cast<double>(), value => Assert.Equal(0, value));
        Tensor loss = (Transformer.Linear(x, weight, density, layer: 2) * slope).Sum();

        // Example 0: [1·1 + 1·2, -1·1 + 1·2] = [3, 1]; example 1: [2·-3, 0].
        Assert.Null(Autograd.Gradients(loss, [weight])[0]); // no gradient of the weight's size is made
        Assert.Equal(new double[,] { { 0, 0, 4, 0 }, { 0, 0, 6, 0 } }, density.Values());
    }

    [Fact]
    public void PassesAddUp()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 2, 3), weight = Make.Random(2, 3), once;
        using var density = new DensityAccumulator([0, 1, 2], 1);
        Autograd.Gradients(Transformer.RmsNorm(x, weight, 1e-5, density).Sum(), [x]);
        double[,] first = density.Values();
        once = Transformer.RmsNorm(x, weight, 1e-5, density).Sum();
        Assert.Equal(first, density.Values()); // forward adds nothing
        Autograd.Gradients(once, [x]);

        Expect.Close([2 * first[0, 0], 2 * first[1, 0]], [.. density.Values().Cast<double>()]);
    }

    [Fact]
    public void AGraphKeepsTheSumsAlive()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 2, 3), loss;
        using (var density = new DensityAccumulator([0, 2], 1))
        {
            loss = Transformer.Linear(x, Make.Random(2, 3, 3), density).Sum();
        }

        Assert.NotNull(Autograd.Gradients(loss, [x])[0]);
    }

    [Fact]
    public void TheGradientOfTheInputIsTheUsualOne()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Parameter(1, ElementType.Float64, 20, Hidden), table = Make.Random(2, Vocabulary, Hidden);
        Layer[] layers = [new Layer(1, ElementType.Float64)];
        using var density = new DensityAccumulator(Offsets, 1);
        double[] usual = Autograd.Gradients(Loss(x, layers, table, 0, null), [x])[0]!.ToDoubles();

        Assert.Equal(usual, Autograd.Gradients(Loss(x, layers, table, 0, density), [x])[0]!.ToDoubles());
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Random(1, 2, 3), weight = Make.Random(2, 3, 3), scale = Make.Random(3, 3);
        using var density = new DensityAccumulator([0, 1, 3], 2);
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.Linear(x, weight, density), "transformer_linear", "2 rows", "3");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.RmsNorm(x, scale, 0, density), "transformer_rms_norm", "2 rows", "3");
        using var fitting = new DensityAccumulator([0, 2], 2);
        Expect.Failure(NativeStatus.OutOfRange, () => Transformer.Linear(x, weight, fitting, 2), "layer 2");
        Expect.Failure(NativeStatus.OutOfRange, () => Transformer.RmsNorm(x, scale, 0, fitting, -1), "layer -1");
        Expect.Failure(NativeStatus.InvalidArgument, () => new DensityAccumulator([0, 1], 0), "density_new", "0 layers");
        Expect.Failure(NativeStatus.InvalidArgument, () => new DensityAccumulator([0], 1), "density_new", "0 examples");
        Expect.Failure(NativeStatus.InvalidArgument, () => new DensityAccumulator([], 1), "density_new");
        Expect.Failure(NativeStatus.InvalidArgument, () => new DensityAccumulator([0, 5, 3], 1), "density_new", "fall from 5 to 3");
        Expect.Failure(NativeStatus.InvalidArgument, () => new DensityAccumulator([1, 3], 1), "density_new", "begin at 1");
    }

    /// <summary>The sum of the examples' token losses; row i of x is row first + i of the batch.</summary>
    private static Tensor Loss(Tensor x, Layer[] layers, Tensor table, long first, DensityAccumulator? density)
    {
        for (int i = 0; i < layers.Length; i++)
        {
            x = layers[i].Forward(x, density, i);
        }

        long[] targets = [.. Enumerable.Range(0, (int)x.Shape[0]).Select(row => (first + row) * 7 % Vocabulary)];
        return Transformer.TokenNll(x, table, targets, 4).Sum();
    }

    /// <summary>x + down(swiglu(gate(norm x), up(norm x))).</summary>
    private sealed class Layer(int seed, ElementType type)
    {
        private readonly Tensor norm = Make.Parameter(10 * seed, type, Hidden);
        private readonly Tensor gate = Make.Parameter((10 * seed) + 1, type, Wide, Hidden);
        private readonly Tensor up = Make.Parameter((10 * seed) + 2, type, Wide, Hidden);
        private readonly Tensor down = Make.Parameter((10 * seed) + 3, type, Hidden, Wide);

        public Tensor[] Weights => [norm, gate, up, down];

        public Tensor Forward(Tensor x, DensityAccumulator? density, int layer)
        {
            Tensor normed = Transformer.RmsNorm(x, norm, 1e-5, density, layer);
            Tensor wide = Transformer.SwiGlu(Transformer.Linear(normed, gate, density, layer), Transformer.Linear(normed, up, density, layer));
            return x + Transformer.Linear(wide, down, density, layer);
        }
    }
}
