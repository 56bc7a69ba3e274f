using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>The fused operations: values worked by hand, finite differences, and plain loops as a reference for every set of kernels.</summary>
public sealed class TransformerTests : LedgerTest
{
    private static readonly long[] Offsets = [0, 3, 3, 5, 6];

    [Fact]
    public void EmbeddingTakesRows()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor table = Make.Doubles([3, 2], 1, 2, 3, 4, 5, 6);
        table.RequiresGrad = true;
        Tensor rows = Transformer.Embedding(table, [2, 0, 2]);
        Assert.Equal([5.0, 6, 1, 2, 5, 6], rows.ToDoubles());
        Assert.Equal([1.0, 1, 0, 0, 2, 2], Autograd.Gradients(rows.Sum(), [table])[0]!.ToDoubles());
        Assert.Equal([0, 2], Transformer.Embedding(table, []).Shape);
    }

    [Fact]
    public void LinearMultipliesByTheTransposed()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([1, 2], 2, 3), weight = Make.Doubles([3, 2], 1, 0, 0, 1, 10, 100);
        Assert.Equal([2.0, 3.0, 320.0], Transformer.Linear(x, weight).ToDoubles());
        Assert.Equal([1, 3], Transformer.Linear(x, weight).Shape);
    }

    [Fact]
    public void RmsNormByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 2], 3, 4, 0, 0), weight = Make.Doubles([2], 1, 10);
        Expect.Close([0.6, 8, 0, 0], Transformer.RmsNorm(x, weight, epsilon: 12.5).ToDoubles()); // √(12.5 + 12.5) = 5
        Expect.Close([3 / Math.Sqrt(12.5), 40 / Math.Sqrt(12.5)], Transformer.RmsNorm(x.Narrow(0, 0, 1), weight, 0).ToDoubles());
    }

    [Fact]
    public void SwiGluByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor gate = Make.Doubles([1, 4], 0, Math.Log(3), -1000, 1000), up = Make.Doubles([1, 4], 5, 4, 1, 2);
        Expect.Close([0, 3 * Math.Log(3), 0, 2000], Transformer.SwiGlu(gate, up).ToDoubles()); // σ(ln 3) = 3/4
    }

    [Fact]
    public void AUniformModelsLossIsLnV()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor hidden = Tensor.Zeros([3, 4], ElementType.Float64, Device.Cpu);
        Expect.Close([Math.Log(7), Math.Log(7), Math.Log(7)], Transformer.TokenNll(hidden, Make.Random(1, 7, 4), [0, 6, 3], 2).ToDoubles());
    }

    [Fact]
    public void TokenNllByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor hidden = Make.Doubles([3, 1], 1, 1, 1e6), weight = Make.Doubles([2, 1], 0, Math.Log(3)); // probabilities 1/4 and 3/4
        Tensor nll = Transformer.TokenNll(hidden, weight, [0, 1, 1], chunkRows: 1);
        Expect.Close([Math.Log(4), Math.Log(4.0 / 3), 0], nll.ToDoubles());
        Assert.Equal([3], nll.Shape);
        Assert.Equal([0], Transformer.TokenNll(hidden.Narrow(0, 0, 0), weight, [], 1).Shape);
    }

    [Fact]
    public void ChunksDoNotMatter()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor hidden = Make.Parameter(1, ElementType.Float64, 7, 5), weight = Make.Parameter(2, ElementType.Float64, 6, 5);
        double[][] results = [.. new[] { 1, 2, 3, 7, 100 }.Select(rows =>
        {
            Tensor nll = Transformer.TokenNll(hidden, weight, [0, 1, 2, 3, 4, 5, 0], rows);
            double[] values = nll.ToDoubles();
            Tensor?[] gradients = Autograd.Gradients((nll * Make.Random(3, 7)).Sum(), [hidden, weight]);
            return (double[])[.. values, .. gradients[0]!.ToDoubles(), .. gradients[1]!.ToDoubles()];
        })];
        Assert.All(results, result => Expect.Close(results[0], result, 1e-14));
    }

    [Fact]
    public void AttentionOfOneTokenIsItsValue()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Make.Random(1, 1, 8), k = Make.Random(2, 1, 4), v = Make.Doubles([1, 4], 1, 2, 3, 4);

        // Four heads of two over two key-value heads: heads 0 and 1 read the first.
        Expect.Close([1, 2, 1, 2, 3, 4, 3, 4], Transformer.Attention(q, k, v, [0, 1], 4, 2, [0.7]).ToDoubles());
    }

    [Fact]
    public void AttentionByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Make.Doubles([2, 2], 1, 0, 1, 0), v = Make.Doubles([2, 2], 1, 0, 0, 1);

        // Without turning both keys score alike. With a quarter turn a position, the query at 1 is orthogonal to the key at 0.
        Expect.Close([1, 0, 0.5, 0.5], Transformer.Attention(q, q, v, [0, 2], 1, 1, [0]).ToDoubles());
        double own = Math.Exp(1 / Math.Sqrt(2));
        Expect.Close([1, 0, 1 / (1 + own), own / (1 + own)], Transformer.Attention(q, q, v, [0, 2], 1, 1, [Math.PI / 2]).ToDoubles());
    }

    [Fact]
    public void CachedAttentionByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor one = Make.Doubles([1, 2], 1, 0), keys = Tensor.Zeros([1, 3, 1, 2], ElementType.Float64, Device.Cpu), values = Tensor.Zeros([1, 3, 1, 2], ElementType.Float64, Device.Cpu);
        Tensor Next(long past, double a, double b) => Transformer.CachedAttention(one, one, Make.Doubles([1, 2], a, b), [0, 1], [past], 1, 1, [Math.PI / 2], keys, values);

        // The same as above, a token at a time.
        Expect.Close([1, 0], Next(0, 1, 0).ToDoubles());
        double own = Math.Exp(1 / Math.Sqrt(2));
        Expect.Close([1 / (1 + own), own / (1 + own)], Next(1, 0, 1).ToDoubles());
        Expect.Close([1, 0, 0, 1, 0, 0], keys.ToDoubles()); // the second is turned by a quarter
        Assert.Equal([1.0, 0, 0, 1, 0, 0], values.ToDoubles());
    }

    [Fact]
    public void CachedAttentionRefusesWhatDoesNotFit()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([1, 2], 1, 0), keys = Tensor.Zeros([1, 3, 1, 2], ElementType.Float64, Device.Cpu), values = Tensor.Zeros([1, 3, 1, 2], ElementType.Float64, Device.Cpu);
        NativeStatus Status(long[] past, double[] frequencies) =>
            Assert.Throws<NativeException>(() => Transformer.CachedAttention(x, x, x, [0, 1], past, 1, 1, frequencies, keys, values)).Status;

        Assert.Equal(NativeStatus.OutOfRange, Status([3], [1]));
        Assert.Equal(NativeStatus.InvalidArgument, Status([0, 0], [1]));
        Assert.Equal(NativeStatus.InvalidArgument, Status([0], [1, 1]));
        Assert.All(keys.ToDoubles(), value => Assert.Equal(0, value));
    }

    // The pair is (j, j + E/2): turning by a quarter takes (1, 0 | 0, 0) to (0, 0 | 1, 0).
    [Fact]
    public void RotaryTurnsHalves()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Make.Doubles([2, 4], 0, 0, 0, 0, 1, 0, 0, 0), k = Make.Doubles([2, 4], 0, 0, 5, 0, 0, 0, 0, 0), v = Make.Doubles([2, 4], 1, 0, 0, 0, 0, 0, 0, 0);
        double score = Math.Exp(5.0 / 2);
        Expect.Close([score / (score + 1)], [Transformer.Attention(q, k, v, [0, 2], 1, 1, [Math.PI / 2, 0]).ToDoubles()[4]]);
    }

    [Fact]
    public void AttentionSeesNeitherTheFutureNorOtherSequences()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Make.Random(1, 6, 8), k = Make.Random(2, 6, 4), v = Make.Random(3, 6, 4);
        double[] all = Transformer.Attention(q, k, v, Offsets, 2, 1, [1, 0.1]).ToDoubles();
        for (int sequence = 0; sequence + 1 < Offsets.Length; sequence++)
        {
            for (long end = Offsets[sequence] + 1; end <= Offsets[sequence + 1]; end++)
            {
                long first = Offsets[sequence], length = end - first;
                double[] prefix = Transformer.Attention(q.Narrow(0, first, length), k.Narrow(0, first, length), v.Narrow(0, first, length), [0, length], 2, 1, [1, 0.1]).ToDoubles();
                Expect.Close(all[(int)(first * 8)..(int)(end * 8)], prefix);
            }
        }
    }

    [Fact]
    public void EveryGradientAgreesWithDifferences() => InstructionSets.ForEach(_ =>
    {
        FiniteDifferences.Check(x => Transformer.Embedding(x[0], [2, 0, 2]), [3, 2]);
        FiniteDifferences.Check(x => Transformer.Linear(x[0], x[1]), [3, 5], [4, 5]);
        FiniteDifferences.Check(x => Transformer.RmsNorm(x[0], x[1], 1e-3), [3, 11], [11]);
        FiniteDifferences.Check(x => Transformer.SwiGlu(x[0].Affine(4, 0), x[1]), [3, 11], [3, 11]);
        FiniteDifferences.Check(x => Transformer.TokenNll(x[0], x[1], [0, 4, 4, 10], 3), [4, 5], [11, 5]);
        FiniteDifferences.Check(x => Transformer.Attention(x[0], x[1], x[2], Offsets, 4, 2, [1, 0.3]), [6, 16], [6, 8], [6, 8]);
        FiniteDifferences.Check(x => Transformer.Attention(x[0], x[0], x[0], [0, 2, 5], 1, 1, [1, 0.3, 0.1]), [5, 6]);
    });

    [Theory]
    [InlineData(ElementType.Float64, 1e-12)]
    [InlineData(ElementType.Float32, 2e-5)]
    [InlineData(ElementType.BFloat16, 0.03)]
    public void EverySetOfKernelsAgreesWithPlainLoops(ElementType type, double tolerance) => InstructionSets.ForEach(_ =>
    {
        using TensorScope scope = TensorScope.Begin();
        const int Rows = 41, Width = 67, Vocabulary = 131, Heads = 4, Groups = 2, HeadSize = 18;
        Tensor x = Typed(1, Rows, Width), y = Typed(2, Rows, Width), scale = Typed(3, Width), table = Typed(4, Vocabulary, Width);
        double[] xs = x.ToDoubles(), ys = y.ToDoubles(), scales = scale.ToDoubles(), tables = table.ToDoubles();
        long[] targets = [.. Enumerable.Range(0, Rows).Select(row => (long)(row * 29 % Vocabulary))];
        Expect.Close(PlainLoops.RmsNorm(xs, scales, 1e-5), Transformer.RmsNorm(x, scale, 1e-5).ToDoubles(), tolerance);
        Expect.Close(PlainLoops.SwiGlu(xs, ys), Transformer.SwiGlu(x, y).ToDoubles(), tolerance);
        Expect.Close(PlainLoops.Linear(xs, tables, Width), Transformer.Linear(x, table).ToDoubles(), type == ElementType.BFloat16 ? 0.05 : tolerance);
        Expect.Close(PlainLoops.TokenNll(PlainLoops.Linear(xs, tables, Width), targets), Transformer.TokenNll(x, table, targets, 16).ToDoubles(), tolerance);

        Tensor q = Typed(5, Rows, Heads * HeadSize), k = Typed(6, Rows, Groups * HeadSize), v = Typed(7, Rows, Groups * HeadSize);
        long[] offsets = [0, 1, 20, 20, 41];
        double[] frequencies = [.. Enumerable.Range(0, HeadSize / 2).Select(j => Math.Pow(10_000, -2.0 * j / HeadSize))];
        Expect.Close(
            PlainLoops.Attention(q.ToDoubles(), k.ToDoubles(), v.ToDoubles(), offsets, Heads, Groups, frequencies),
            Transformer.Attention(q, k, v, offsets, Heads, Groups, frequencies).ToDoubles(),
            tolerance);

        Tensor Typed(int seed, params long[] shape) => Make.Random(seed, shape).To(type, Device.Cpu);
    });

    // Large enough to be split between threads, and into several chunks: rows in one call are the same rows in many.
    [Fact]
    public void ManyRowsAreTheirPartsTogether() => InstructionSets.ForEach(_ =>
    {
        const int Rows = 600, Part = 60, Width = 70;
        Whole((x, y, weights, first) => Transformer.SwiGlu(x, y));
        Whole((x, y, weights, first) => Transformer.Linear(x * y, weights[0]));
        Whole((x, y, weights, first) => Transformer.RmsNorm(x * y, weights[1], 1e-5));
        Whole((x, y, weights, first) => Transformer.TokenNll(x * y, weights[0], [.. Enumerable.Range(first, (int)x.Shape[0]).Select(row => row % 50L)], 25));
        Whole((x, y, weights, first) => Transformer.Attention(x, y, x, [.. Enumerable.Range(0, ((int)x.Shape[0] / 20) + 1).Select(b => 20L * b)], 5, 5, [1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01]));

        static void Whole(Func<Tensor, Tensor, Tensor[], int, Tensor> function)
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor x = Make.Parameter(1, ElementType.Float64, Rows, Width), y = Make.Parameter(2, ElementType.Float64, Rows, Width);
            Tensor[] weights = [Make.Parameter(3, ElementType.Float64, 50, Width), Make.Parameter(4, ElementType.Float64, Width)];
            Tensor whole = function(x, y, weights, 0);
            Tensor parts = Tensor.Concatenate([.. Enumerable.Range(0, Rows / Part).Select(i => function(x.Narrow(0, i * Part, Part), y.Narrow(0, i * Part, Part), weights, i * Part))], 0);
            Expect.Close(parts.ToDoubles(), whole.ToDoubles());
            Tensor slope = Make.Random(5, whole.Shape);
            Tensor?[] expected = Autograd.Gradients((parts * slope).Sum(), [x, y, .. weights]), actual = Autograd.Gradients((whole * slope).Sum(), [x, y, .. weights]);
            for (int i = 0; i < expected.Length; i++)
            {
                Expect.Close(expected[i]?.ToDoubles() ?? [], actual[i]?.ToDoubles() ?? [], 1e-11);
            }
        }
    });

    // Inputs that are views with gaps must be read by their strides.
    [Fact]
    public void ViewsAreReadByTheirStrides()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor wide = Make.Random(1, 4, 12), x = wide.Narrow(1, 2, 6), y = wide.Narrow(1, 5, 6), weight = Make.Random(2, 6, 8).Narrow(1, 1, 6), scale = Make.Random(3, 6, 2).Narrow(1, 0, 1).Reshape(6);
        Same(t => Transformer.Linear(t[0], t[1]), x, weight);
        Same(t => Transformer.RmsNorm(t[0], t[1], 1e-5), x, scale);
        Same(t => Transformer.SwiGlu(t[0], t[1]), x, y);
        Same(t => Transformer.TokenNll(t[0], t[1], [0, 1, 2, 3], 3), x, weight);
        Same(t => Transformer.Attention(t[0], t[1], t[0], [0, 4], 1, 1, [1, 0.5, 0.2]), x, y);

        static void Same(Func<Tensor[], Tensor> function, params Tensor[] views)
        {
            double[][] results = [.. new[] { views.Select(view => view.Detach()), views.Select(view => view.Clone()) }.Select(inputs =>
            {
                Tensor[] leaves = [.. inputs];
                Array.ForEach(leaves, leaf => leaf.RequiresGrad = true);
                Tensor result = function(leaves);
                return (double[])[.. result.ToDoubles(), .. Autograd.Gradients(result.Square().Sum(), leaves).SelectMany(gradient => gradient!.ToDoubles())];
            })];
            Assert.Equal(results[1], results[0]);
        }
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Random(1, 2, 4), weight = Make.Random(2, 3, 5), vector = Make.Random(3, 4), single = Make.Random(1, 2, 4).To(ElementType.Float32, Device.Cpu);
        Expect.Failure(NativeStatus.OutOfRange, () => Transformer.Embedding(x, [0, 2]), "transformer_embedding", "token id 2 at position 1", "0 to 1");
        Expect.Failure(NativeStatus.OutOfRange, () => Transformer.Embedding(x, [-1]), "transformer_embedding", "token id -1");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.Embedding(vector, [0]), "transformer_embedding", "[4]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.Linear(x, weight), "transformer_linear", "[2, 4]", "[3, 5]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.Linear(vector, x), "transformer_linear", "[4]");
        Expect.Failure(NativeStatus.TypeMismatch, () => Transformer.Linear(x, single), "transformer_linear", "Double", "Float");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.RmsNorm(x, Make.Random(1, 5), 0), "transformer_rms_norm", "[2, 4]", "[5]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.RmsNorm(x, vector, -1), "transformer_rms_norm", "epsilon is -1");
        Expect.Failure(NativeStatus.TypeMismatch, () => Transformer.RmsNorm(single, vector, 0), "transformer_rms_norm", "Float", "Double");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.SwiGlu(x, weight), "transformer_swiglu", "[2, 4]", "[3, 5]");
        Expect.Failure(NativeStatus.TypeMismatch, () => Transformer.SwiGlu(x, single), "transformer_swiglu", "Double", "Float");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.TokenNll(x, weight, [0, 0], 1), "transformer_token_nll", "[2, 4]", "[3, 5]");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.TokenNll(x, x, [0], 1), "transformer_token_nll", "1 targets for 2 rows");
        Expect.Failure(NativeStatus.OutOfRange, () => Transformer.TokenNll(x, x, [0, 2], 1), "transformer_token_nll", "target 2");
        Expect.Failure(NativeStatus.InvalidArgument, () => Transformer.TokenNll(x, x, [0, 1], 0), "transformer_token_nll", "chunk_rows is 0");
        Expect.Failure(NativeStatus.TypeMismatch, () => Transformer.TokenNll(x, single, [0, 1], 1), "transformer_token_nll", "Double", "Float");
    }

    [Fact]
    public void AttentionsThatDoNotFitAreRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Random(1, 2, 12);
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 2, 1, [1, 1, 1]), "k [2, 12]", "[2, 6]"); // too wide for one key-value head
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 3, 2, [1, 1]), "3 heads over 2");
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 4, 4, [1]), "even E", "[2, 12]");
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 5, 5, [1]), "[2, 12]", "5 heads");
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 0, 1, [1]), "0 heads");
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 2, 0, [1, 1, 1]), "0 key-value heads");
        Refuse(() => Transformer.Attention(x, x, x, [0, 2], 2, 2, [1, 1]), "2 inverse frequencies", "[2, 12]");
        Refuse(() => Transformer.Attention(x.Reshape(24), x, x, [0, 2], 2, 2, [1, 1, 1]), "[24]");
        Refuse(() => Transformer.Attention(x, x.Narrow(0, 0, 1), x, [0, 2], 2, 2, [1, 1, 1]), "k [1, 12]");
        Refuse(() => Transformer.Attention(x, x, x, [0, 3], 2, 2, [1, 1, 1]), "end at 3", "2 rows");
        Refuse(() => Transformer.Attention(x, x, x, [], 2, 2, [1, 1, 1]), "negative");
        Expect.Failure(NativeStatus.TypeMismatch, () => Transformer.Attention(x, x.To(ElementType.Float32, Device.Cpu), x, [0, 2], 2, 2, [1, 1, 1]), "attention");

        static void Refuse(Action action, params string[] texts) => Expect.Failure(NativeStatus.InvalidArgument, action, ["attention", .. texts]);
    }
}
