using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class OptimizerStepsTests : LedgerTest
{
    [Fact]
    public void LionByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([3], 1, -2, 4), g = Make.Doubles([3], 2, 3, 9), m = Make.Doubles([3], -1, 5, -1);
        OptimizerSteps.Lion([p], [g], [m], learningRate: 0.1, beta1: 0.9, beta2: 0.99, weightDecay: 0.5);

        // 0.9·-1 + 0.1·2 = -0.7, sign -1: 1 - 0.1·(-1 + 0.5·1); 4.5 + 0.3, sign 1: -2 - 0.1·(1 - 1); -0.9 + 0.9, sign 0 within rounding.
        Expect.Close([1.05, -2.0], p.ToDoubles()[..2]);
        Expect.Close([-0.97, 4.98, -0.9], m.ToDoubles());
    }

    [Fact]
    public void LionStandsStillWithoutADirection()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([1], 4), g = Make.Doubles([1], 0), m = Make.Doubles([1], 0);
        OptimizerSteps.Lion([p], [g], [m], 0.1, 0.9, 0.99, 0);
        Assert.Equal(4, p.Item());
        OptimizerSteps.Lion([p], [g], [m], 0.1, 0.9, 0.99, 0.5);
        Expect.Close([4 * (1 - 0.05)], p.ToDoubles()); // decay alone
    }

    [Fact]
    public void AdamWsFirstStepIsTheLearningRate()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([2], 1, 2), g = Make.Doubles([2], 0.001, -300), m = Make.Doubles([2], 0, 0), v = Make.Doubles([2], 0, 0);
        OptimizerSteps.AdamW([p], [g], [m], [v], step: 1, learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-12, weightDecay: 0);

        Expect.Close([0.9, 2.1], p.ToDoubles(), 1e-8); // whatever the gradient's size
        Expect.Close([0.0001, -30], m.ToDoubles());
        Expect.Close([1e-9, 90], v.ToDoubles());
    }

    [Fact]
    public void AdamWByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([1], 1), g = Make.Doubles([1], 2), m = Make.Doubles([1], 0), v = Make.Doubles([1], 0);
        OptimizerSteps.AdamW([p], [g], [m], [v], 1, 0.1, 0.5, 0.75, 1, 0.1);
        double first = 0.99 - (0.1 * 2.0 / (2.0 + 1)); // m̂ = 2, v̂ = 4; decay takes 0.1·0.1
        Expect.Close([first], p.ToDoubles());

        OptimizerSteps.AdamW([p], [Make.Doubles([1], -2)], [m], [v], 2, 0.1, 0.5, 0.75, 1, 0.1);
        double mean = ((0.5 * 1) - 1) / 0.75, square = ((0.75 * 1) + 1) / (1 - (0.75 * 0.75)); // m = 0.5·1 + 0.5·-2, v = 0.75·1 + 0.25·4
        Expect.Close([(first * 0.99) - (0.1 * mean / (Math.Sqrt(square) + 1))], p.ToDoubles());
    }

    [Fact]
    public void SgdByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([2], 1, -4), g = Make.Doubles([2], 3, 5);
        OptimizerSteps.Sgd([p], [g], learningRate: 0.1, weightDecay: 0.5);
        Expect.Close([1 - (0.1 * 3.5), -4 - (0.1 * 3)], p.ToDoubles());
    }

    // Sizes around the widths of vectors, and one beyond a task of one thread.
    [Theory]
    [InlineData(ElementType.Float64, 1e-12)]
    [InlineData(ElementType.Float32, 1e-6)]
    [InlineData(ElementType.BFloat16, 0.02)]
    public void EveryKernelFollowsTheFormulas(ElementType type, double tolerance) => InstructionSets.ForEach(_ =>
    {
        foreach (int count in new[] { 0, 1, 7, 37, 40_000 })
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor[] t = [.. Enumerable.Range(0, 12).Select(i => Make.Random(i, count).To(type, Device.Cpu))];
            t[6].CopyFrom(t[6].Square()); // a second moment
            double[][] before = [.. t.Select(tensor => tensor.ToDoubles())];
            ulong[] noise = type == ElementType.BFloat16 ? [(ulong)count] : [];
            OptimizerSteps.Lion([t[0]], [t[1]], [t[2]], 0.005, 0.9, 0.99, 0.1, noise: noise);
            OptimizerSteps.AdamW([t[3]], [t[4]], [t[5]], [t[6]], 3, 0.01, 0.9, 0.99, 1e-3, 0.1, noise: noise);
            OptimizerSteps.Sgd([t[7]], [t[8]], 0.01, 0.1, noise: noise);

            Expect.Close(By(i => before[0][i] - (0.005 * (Math.Sign((0.9 * before[2][i]) + (0.1 * before[1][i])) + (0.1 * before[0][i])))), t[0].ToDoubles(), tolerance);
            Expect.Close(By(i => (0.99 * before[2][i]) + (0.01 * before[1][i])), t[2].ToDoubles(), tolerance);
            double[] mean = By(i => (0.9 * before[5][i]) + (0.1 * before[4][i])), square = By(i => (0.99 * before[6][i]) + (0.01 * before[4][i] * before[4][i]));
            Expect.Close(mean, t[5].ToDoubles(), tolerance);
            Expect.Close(square, t[6].ToDoubles(), tolerance);
            double c1 = 1 - Math.Pow(0.9, 3), c2 = 1 - Math.Pow(0.99, 3);
            Expect.Close(By(i => (before[3][i] * 0.999) - (0.01 * mean[i] / c1 / (Math.Sqrt(square[i] / c2) + 1e-3))), t[3].ToDoubles(), tolerance);
            Expect.Close(By(i => before[7][i] - (0.01 * (before[8][i] + (0.1 * before[7][i])))), t[7].ToDoubles(), tolerance);

            double[] By(Func<int, double> formula) => [.. Enumerable.Range(0, count).Select(formula)];
        }
    });

    // 1 - 1e-3 lies 0.256 of the spacing 2^-8 below 1. Of 4096 elements 1049 are expected to move, with a deviation of 28.
    [Fact]
    public void NoiseRoundsToTheNeighboursByChance()
    {
        using TensorScope scope = TensorScope.Begin();
        const int Count = 4096;
        Tensor g = Make.Doubles([Count], [.. Enumerable.Repeat(1.0, Count)]).To(ElementType.BFloat16, Device.Cpu);
        Tensor first = g.Clone(), same = g.Clone(), other = g.Clone(), pair = g.Clone();
        OptimizerSteps.Sgd([first, pair], [g, g], 1e-3, 0, noise: [7, 8]);
        OptimizerSteps.Sgd([same], [g], 1e-3, 0, noise: [7]);
        OptimizerSteps.Sgd([other], [g], 1e-3, 0, noise: [8]);

        double[] moved = [.. first.ToDoubles().Where(value => value != 1)];
        Assert.All(moved, value => Assert.Equal(1 - (1.0 / 256), value));
        Assert.InRange(moved.Length, 1049 - 140, 1049 + 140);
        Assert.Equal(0, first.CountDifferent(same));
        Assert.Equal(0, pair.CountDifferent(other));
        Assert.NotEqual(0, first.CountDifferent(other));
    }

    [Fact]
    public void NoiseIsNeededOncePerParameterThatIsRounded()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Doubles([2], 1, 2).To(ElementType.BFloat16, Device.Cpu), m = p.Clone(), half = p.To(ElementType.Float16, Device.Cpu);
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Lion([p], [p], [m], 1, 0.9, 0.9, 0), "optim_lion_step", "entry 0", "noise is null");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Sgd([p], [p], 1, 0, noise: [1, 2]), "noise for 2 beside 1 parameters");
        Expect.Failure(NativeStatus.NotImplemented, () => OptimizerSteps.AdamW([half], [half], [half], [half], 1, 1, 0.9, 0.9, 1, 0, noise: [1]), "optim_adamw_step", "Half");
        Assert.Equal([1.0, 2], p.ToDoubles());
    }

    [Fact]
    public void ANullGradientLeavesParameterAndStateAlone()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor[] p = [Make.Random(1, 3), Make.Random(2, 3)], m = [Make.Random(3, 3), Make.Random(4, 3)], v = [Make.Random(5, 3).Square(), Make.Random(6, 3).Square()];
        Tensor[] idle = [p[0].Clone(), m[0].Clone(), v[0].Clone()], busy = [p[1].Clone(), m[1].Clone(), v[1].Clone()];
        Tensor?[] g = [null, Make.Random(7, 3)];

        OptimizerSteps.Lion(p, g, m, 0.1, 0.9, 0.99, 0.1);
        OptimizerSteps.AdamW(p, g, m, v, 1, 0.1, 0.9, 0.99, 1e-8, 0.1);
        OptimizerSteps.Sgd(p, g, 0.1, 0.1);

        Assert.Equal([0L, 0, 0], [p[0].CountDifferent(idle[0]), m[0].CountDifferent(idle[1]), v[0].CountDifferent(idle[2])]);
        Assert.Equal([3L, 3, 3], [p[1].CountDifferent(busy[0]), m[1].CountDifferent(busy[1]), v[1].CountDifferent(busy[2])]);
    }

    [Fact]
    public void AutogradDoesNotSeeTheUpdate()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor p = Make.Parameter(1, ElementType.Float64, 3);
        OptimizerSteps.Sgd([p], Autograd.Gradients(p.Square().Sum(), [p]), 0.5, 0); // p - 0.5·2p
        Assert.True(p.RequiresGrad);
        Expect.Close([0, 0, 0], p.ToDoubles());
        Assert.Equal([1.0, 1, 1], Autograd.Gradients(p.Sum(), [p])[0]!.ToArray<double>()); // still a leaf
    }

    // The refused entry comes second: the first must not have been stepped.
    [Fact]
    public void ARefusalLeavesEverythingAsItWas()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor first = Make.Random(1, 2), second = Make.Random(2, 2), state = Make.Random(3, 2), square = Make.Random(4, 2).Square(), wrong = Make.Random(5, 3);
        Tensor single = second.To(ElementType.Float32, Device.Cpu);
        Tensor[] all = [first, second, state, square], copies = [.. all.Select(tensor => tensor.Clone())];
        Tensor column = Make.Random(6, 2, 2).Narrow(1, 0, 1);

        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Sgd([first, second], [first, wrong], 1, 0), "optim_sgd_step", "entry 1", "[3]", "[2]");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Lion([first, second], [first, second], [state, wrong], 1, 0.9, 0.9, 0), "optim_lion_step", "entry 1", "[3]");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.AdamW([first, second], [first, second], [state, state], [square, wrong], 1, 1, 0.9, 0.9, 1, 0), "optim_adamw_step", "entry 1", "[3]");
        Expect.Failure(NativeStatus.TypeMismatch, () => OptimizerSteps.Sgd([first, second], [first, single], 1, 0), "optim_sgd_step", "entry 1", "Float", "Double");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Sgd([first, column], [first, column], 1, 0), "optim_sgd_step", "parameter 1", "contiguous");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.AdamW([first], [first], [state], [square], 0, 1, 0.9, 0.9, 1, 0), "optim_adamw_step", "step is 0");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Sgd([first, second], [first], 1, 0), "a list of 1 beside 2 parameters");
        Expect.Failure(NativeStatus.InvalidArgument, () => OptimizerSteps.Lion([first], [first], [], 1, 0.9, 0.9, 0), "a list of 0 beside 1");
        Assert.All(all.Zip(copies), pair => Assert.Equal(0, pair.First.CountDifferent(pair.Second)));

        OptimizerSteps.Sgd([], [], 1, 0);
    }
}
