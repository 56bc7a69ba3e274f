using System.Collections;
using System.Runtime.CompilerServices;
using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Ownership of native memory: use after disposal, disposal during use, finalizers, and nothing left over.</summary>
public sealed class HandleTests : LedgerTest
{
    [Fact]
    public void ADisposedTensorIsRefusedEverywhere()
    {
        using Tensor live = Make.Doubles([2], 1, 2);
        Tensor tensor = Make.Doubles([2], 1, 2);
        tensor.Dispose();
        Assert.Equal("Tensor (disposed)", tensor.ToString());

        Action[] uses =
        [
            () => _ = tensor.Shape,
            () => _ = tensor.ElementType,
            () => _ = tensor.RequiresGrad,
            () => tensor.RequiresGrad = true,
            () => _ = tensor.Address,
            () => tensor.ToArray<double>(),
            () => tensor.ToDoubles(),
            () => tensor.Clone(),
            () => tensor.CopyFrom(live),
            () => live.CopyFrom(tensor),
            () => _ = tensor + live,
            () => _ = live + tensor,
            () => tensor.Narrow(0, 0, 1),
            () => tensor.Softmax(0),
            () => tensor.Select(0, [0]),
            () => tensor.SegmentSum([0, 2]),
            () => Tensor.Concatenate([live, tensor], 0),
            () => live.CountDifferent(tensor),
            () => Autograd.Gradients(tensor, [live]),
            () => Autograd.Gradients(live, [live, tensor]),
            () => Graft.Exchange([live], [tensor]),
            () => Transformer.SwiGlu(tensor, live),
            () => OptimizerSteps.Sgd([live], [tensor], 1, 0),
        ];
        Assert.All(uses, use => Assert.Throws<ObjectDisposedException>(use));
        Assert.Equal([1.0, 2.0], live.ToArray<double>());
    }

    [Fact]
    public void ARefusedListReleasesWhatItHadBorrowed()
    {
        long before = Runtime.LiveHandles;
        Tensor first = Make.Doubles([1], 1), second = Make.Doubles([1], 2);
        second.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Tensor.Concatenate([first, second], 0));

        // A reference that was not given back would keep the handle alive.
        first.Dispose();
        Assert.Equal(before, Runtime.LiveHandles);
    }

    // A list may answer differently each time it is asked.
    [Fact]
    public void WhatWasBorrowedIsGivenBack()
    {
        long before = Runtime.LiveHandles;
        Tensor first = Make.Doubles([1], 1), second = Make.Doubles([1], 2);
        using (Tensor joined = Tensor.Concatenate(new Alternating(first, second), 0))
        {
            Assert.Equal(1, joined.Item());
        }

        Assert.Equal(2, second.Item()); // has lost no reference
        first.Dispose();
        second.Dispose();
        Assert.Equal(before, Runtime.LiveHandles);
    }

    [Fact]
    public void ADisposedAccumulatorAndFileAreRefused()
    {
        using TemporaryFolder folder = new();
        using TensorScope scope = TensorScope.Begin();
        Tensor x = Make.Doubles([2, 2], 1, 2, 3, 4);
        var density = new DensityAccumulator([0, 2], 1);
        density.Dispose();
        SafetensorsFile.Write(folder.File("a"), [new("x", x)], []);
        SafetensorsFile file = SafetensorsFile.Open(folder.File("a"));
        file.Dispose();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => density.Values());
        Assert.Throws<ObjectDisposedException>(() => Transformer.Linear(x, x, density));
        Assert.Throws<ObjectDisposedException>(() => file.Describe("x"));
        Assert.Throws<ObjectDisposedException>(() => file.Read("x", ElementType.Float64, Device.Cpu));
    }

    [Fact]
    public void DisposalWhileAnotherThreadCallsIsSafe() => DisposeWhileCalled(300, round => Make.Random(round, 64), tensor => Assert.Equal(64, (tensor * tensor).ToArray<double>().Length));

    [Fact]
    public void SoItIsOfAnAccumulator() => DisposeWhileCalled(100, _ => new DensityAccumulator([0, 2], 1), density => Assert.Equal(0, density.Values()[0, 0]));

    [Fact]
    public void SoItIsOfAFile()
    {
        using TemporaryFolder folder = new();
        using Tensor x = Make.Doubles([2], 1, 2);
        SafetensorsFile.Write(folder.File("x"), [new("x", x)], []);

        DisposeWhileCalled(100, _ => SafetensorsFile.Open(folder.File("x")), file => Assert.Equal([1.0, 2.0], file.Read("x", ElementType.Float64, Device.Cpu).ToArray<double>()));
    }

    [Fact]
    public void TwoThreadsMayDisposeOneTensor()
    {
        for (int round = 0; round < 300; round++)
        {
            Tensor tensor = Make.Doubles([1], 1);
            Concurrently.Run(tensor.Dispose, tensor.Dispose);
        }
    }

    [Fact]
    public void ThreadsTrainSideBySide()
    {
        double[] expected = Train(3);
        Action compare = () => Expect.Close(expected, Train(3));
        Concurrently.Run(compare, compare, compare, compare);

        static double[] Train(int seed)
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor x = Make.Random(seed, 4, 6), weight = Make.Parameter(seed + 1, ElementType.Float64, 5, 6);
            for (int step = 0; step < 20; step++)
            {
                Tensor loss = Transformer.Linear(x, weight).Square().Mean();
                OptimizerSteps.Sgd([weight], Autograd.Gradients(loss, [weight]), 0.1, 0);
            }

            return weight.ToDoubles();
        }
    }

    [Fact]
    public void FinalizersFreeWhatNobodyDisposed()
    {
        long before = Runtime.LiveHandles;
        Abandon();
        Collect();
        Assert.Equal(before, Runtime.LiveHandles);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Abandon()
        {
            long start = Runtime.LiveHandles;
            Tensor x = Make.Random(1, 2, 2), weight = Make.Parameter(2, ElementType.Float64, 2, 2);
            var density = new DensityAccumulator([0, 2], 1);
            _ = Transformer.Linear(x, weight, density);
            Assert.True(Runtime.LiveHandles > start + 4);
        }
    }

    [Fact]
    public void AThousandStepsLeaveNothingBehind()
    {
        using Tensor x = Make.Random(1, 6, 4), table = Make.Parameter(2, ElementType.Float64, 7, 4), weight = Make.Parameter(3, ElementType.Float64, 4, 4);
        long before = Runtime.LiveHandles;
        for (int step = 0; step < 1000; step++)
        {
            using TensorScope scope = TensorScope.Begin();
            using var density = new DensityAccumulator([0, 2, 6], 1);
            Tensor hidden = Transformer.Linear(x + Transformer.Linear(x, weight), weight, density);
            Tensor loss = Transformer.TokenNll(hidden, table, [0, 1, 2, 3, 4, 5], 4).Mean();
            Assert.Equal(2, Autograd.Gradients(loss, [weight, table]).Length);
        }

        Assert.Equal(before, Runtime.LiveHandles);
    }

    [Fact]
    public void FailuresLeaveNothingBehind()
    {
        using Tensor a = Make.Doubles([2], 1, 2), b = Make.Doubles([3], 1, 2, 3);
        long before = Runtime.LiveHandles;
        for (int i = 0; i < 100; i++)
        {
            Assert.Throws<NativeException>(() => a + b);
            Assert.Throws<NativeException>(() => Tensor.Concatenate([a, Scalar(b)], 0));
            Assert.Throws<NativeException>(() => Transformer.Linear(a, b));
        }

        Collect();
        Assert.Equal(before, Runtime.LiveHandles);

        static Tensor Scalar(Tensor tensor)
        {
            using TensorScope scope = TensorScope.Begin();
            return scope.Keep(tensor.Reshape(3, 1));
        }
    }

    // The test of the test: a handle that lives on is found, one that is merely forgotten is not.
    [Fact]
    public void TheLedgerFindsALeak()
    {
        var ledger = new Ledger();
        Tensor leaked = Make.Doubles([1], 1);
        Assert.ThrowsAny<Exception>(ledger.Dispose);

        leaked.Dispose();
        ledger.Dispose();
    }

    // The object is disposed at another moment of the other thread's calls each round; from then on every call is refused.
    private static void DisposeWhileCalled<T>(int rounds, Func<int, T> make, Action<T> call)
        where T : class, IDisposable
    {
        for (int round = 0; round < rounds; round++)
        {
            T made = make(round);
            Action callForever = () =>
            {
                for (;;)
                {
                    using TensorScope scope = TensorScope.Begin();
                    call(made);
                }
            };
            Concurrently.Run(
                () => Assert.Throws<ObjectDisposedException>(callForever),
                () =>
                {
                    Thread.SpinWait(round * 20);
                    made.Dispose();
                });
        }
    }

    private sealed class Ledger : LedgerTest;

    private sealed class Alternating(Tensor first, Tensor second) : IReadOnlyList<Tensor>
    {
        private int asked;

        public int Count => 1;

        public Tensor this[int index] => asked++ % 2 == 0 ? first : second;

        public IEnumerator<Tensor> GetEnumerator() => throw new NotSupportedException();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
