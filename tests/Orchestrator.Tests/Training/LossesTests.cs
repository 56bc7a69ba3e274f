using FsCheck;
using FsCheck.Fluent;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Training;

[LeakLedger]
public sealed class LossesTests : IDisposable
{
    private const int Vocabulary = 23;
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 3), 1);
    private readonly LlamaModel reference = TestModels.Make(TestModels.Config(layers: 3), 2);
    private readonly TokenSequence[] forget = TestModels.Sequences(3, Vocabulary, 3);
    private readonly TokenSequence[] retain = TestModels.Sequences(4, Vocabulary, 4);

    public void Dispose()
    {
        model.Dispose();
        reference.Dispose();
    }

    [Fact]
    public void GradientDifferenceByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor nll = Tensor.From<double>([1, 2, 6, 4, 7]);

        ForgetRetainLoss loss = Losses.GradientDifference(nll, 3, 0.5), alone = Losses.GradientDifference(nll, 5, 0.5);

        Assert.Equal((-0.25, 3.0, 5.5), (loss.Total.Item(), loss.Forget!.Item(), loss.Retain!.Item()));
        Assert.Equal((-4.0, 4.0, null), (alone.Total.Item(), alone.Forget!.Item(), alone.Retain));
    }

    [Fact]
    public void GradientDifferenceIsTheDifferenceOfTwoMeans() =>
        Prop.ForAll((from f in Gen.NonEmptyListOf(Gen.Choose(0, 900)) from r in Gen.NonEmptyListOf(Gen.Choose(0, 900)) from a in Gen.Choose(0, 30) select (f, r, a / 10.0)).ToArbitrary(), given =>
        {
            using TensorScope scope = TensorScope.Begin();
            double[] f = [.. given.f.Select(value => value / 100.0)], r = [.. given.r.Select(value => value / 100.0)];
            double loss = Losses.GradientDifference(Tensor.From<double>([.. f, .. r]), f.Length, given.Item3).Total.Item();
            return Math.Abs(loss - ((given.Item3 * r.Average()) - f.Average())) < 1e-12;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void NegativePreferenceByHand()
    {
        using TensorScope scope = TensorScope.Begin();
        static double LogSigmoid(double x) => -Math.Log(1 + Math.Exp(-x));

        double loss = Losses.Npo(Tensor.From<double>([2, 5, 40]), Tensor.From<double>([1, 7, 30]), 0.1).Item();

        Assert.Equal(-2 / 0.1 * ((LogSigmoid(0.1) + LogSigmoid(-0.2) + LogSigmoid(1)) / 3), loss, 1e-12);
    }

    [Fact]
    public void NegativePreferenceStaysFiniteFarFromTheReference()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor low = Tensor.From<double>([0]), high = Tensor.From<double>([1e6]);

        Assert.Equal(0, Losses.Npo(high, low, 0.1).Item(), 1e-12); // forgotten: nothing to gain
        Assert.Equal(2e6, Losses.Npo(low, high, 0.1).Item(), 1e-6);
    }

    [Fact]
    public void SimpleNegativePreferenceByHand()
    {
        // Sequences of 1, 3 and 2 scored tokens; their means are 2, 3 and 0.5.
        using TensorScope scope = TensorScope.Begin();
        static double LogSigmoid(double x) => -Math.Log(1 + Math.Exp(-x));
        Tensor means = Losses.SequenceMeans(Tensor.From<double>([2, 1, 3, 5, 0, 1]), [0, 1, 4, 6]);

        double loss = Losses.SimNpo(means, 2.5, 1).Item();

        TestModels.AssertClose([2, 3, 0.5], means.ToDoubles(), 1e-15);
        Assert.Equal(-2 / 2.5 * ((LogSigmoid(4) + LogSigmoid(6.5) + LogSigmoid(0.25)) / 3), loss, 1e-12);
    }

    [Fact]
    public void DirectPreferenceByHand()
    {
        // (5 − 2) − 1 = 2 and (1 − 4) − (−2) = −1.
        using TensorScope scope = TensorScope.Begin();
        static double LogSigmoid(double x) => -Math.Log(1 + Math.Exp(-x));

        double loss = Losses.Dpo(Tensor.From<double>([5, 1]), Tensor.From<double>([2, 4]), Tensor.From<double>([1, -2]), 0.1).Item();

        Assert.Equal(-2 / 0.1 * ((LogSigmoid(0.2) + LogSigmoid(-0.1)) / 2), loss, 1e-12);
    }

    [Fact]
    public void RetainIsWeighedBesideAnyLoss()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor loss = Tensor.From<double>([7]).Sum(), forgetNll = Tensor.From<double>([3]).Sum();

        ForgetRetainLoss both = Losses.WithRetain(loss, forgetNll, Tensor.From<double>([1, 2, 6]), 0.5), alone = Losses.WithRetain(loss, null, null, 0.5);

        Assert.Equal((8.5, 3.0, 3.0), (both.Total.Item(), both.Forget!.Item(), both.Retain!.Item()));
        Assert.Equal((7.0, null, null), (alone.Total.Item(), alone.Forget, alone.Retain));
    }

    [Fact]
    public void SixteenBitStatesAreComparedInFloat32()
    {
        // 1 + 2⁻⁷ is a bfloat16 number, its square is not; nor is the mean of 1 and (1 + 2⁻⁷)².
        using TensorScope scope = TensorScope.Begin();
        Tensor hidden = Tensor.From<double>([1, 1 + (1 / 128.0)], [1, 2], Device.Cpu).To(ElementType.BFloat16, Device.Cpu);

        Tensor error = Losses.MeanSquaredError(hidden, Tensor.From<double>([0, 0]));

        Assert.Equal(ElementType.Float32, error.ElementType);
        Assert.Equal((1 + Math.Pow(1 + (1 / 128.0), 2)) / 2, error.Item(), 1e-7);
    }

    [Fact]
    public void MisdirectionByHand()
    {
        // u = (3, 4) has length 5, so c·u/‖u‖ = 10·(0.6, 0.8) = (6, 8).
        using TensorScope scope = TensorScope.Begin();
        double[] target = Losses.SteeringTarget([3, 4], 10);
        Tensor forgetHidden = Tensor.From<double>([6, 8, 7, 5], [2, 2], Device.Cpu);                 // squares 0 0 1 9: mean 2.5
        Tensor now = Tensor.From<double>([1, 1], [1, 2], Device.Cpu), then = Tensor.From<double>([0, 3], [1, 2], Device.Cpu); // 1 4: mean 2.5

        double loss = Losses.Rmu(forgetHidden, Tensor.From<double>(target), now, then, 4).Item();

        TestModels.AssertClose([6, 8], target, 1e-15);
        Assert.Equal(2.5 + (4 * 2.5), loss, 1e-12);
    }

    [Fact]
    public void OneForwardServesForgetAndRetain()
    {
        const double alpha = 0.3;
        Dictionary<string, double[]> together = TestModels.Gradients(model, model.Names, () => GradientDifference(alpha));
        Dictionary<string, double[]> apart = TestModels.Gradients(model, model.Names, () => (alpha * Nll(retain)) - Nll(forget));

        Assert.Equal(TestModels.Value(() => (alpha * Nll(retain)) - Nll(forget)), TestModels.Value(() => GradientDifference(alpha)), 1e-12);
        Assert.All(model.Names, name => TestModels.AssertClose(apart[name], together[name], 1e-11, name));
    }

    [Fact]
    public void GradientDifferenceWithoutRetainWeightIsGradientAscent()
    {
        Dictionary<string, double[]> difference = TestModels.Gradients(model, model.Names, () => GradientDifference(0));
        Dictionary<string, double[]> ascent = TestModels.Gradients(model, model.Names, () => -Nll(forget));

        Assert.Equal(TestModels.Value(() => -Nll(forget)), TestModels.Value(() => GradientDifference(0)), 1e-12);
        Assert.All(model.Names, name => TestModels.AssertClose(ascent[name], difference[name], 1e-11, name));
    }

    [Theory]
    [InlineData("npo")]
    [InlineData("dpo")] // without a winner
    [InlineData("simnpo")] // on means in place of sums
    public void PreferencesTendToGradientAscentAsBetaVanishes(string name)
    {
        // ∇ = −2 · mean(σ(−β Δ) ∇NLL), and σ tends to ½: ascent on the mean over examples of their NLL.
        Dictionary<string, double[]> ascent = TestModels.Gradients(model, model.Names, () => name == "simnpo" ? -ExampleMeans().Mean() : (-1.0 / forget.Length) * Losses.SequenceNll(model, new PackedBatch(forget)).Sum());
        double Distance(double beta)
        {
            Dictionary<string, double[]> gradient = TestModels.Gradients(model, model.Names, () => name switch
            {
                "npo" => NegativePreference(beta),
                "dpo" => DirectPreference(beta, withPreferred: false),
                _ => Losses.SimNpo(ExampleMeans(), beta, 0),
            });
            return model.Names.Max(parameter => gradient[parameter].Zip(ascent[parameter], (a, b) => Math.Abs(a - b)).Max() / ascent[parameter].Max(Math.Abs));
        }

        double near = Distance(1e-3), nearer = Distance(1e-4);

        Assert.InRange(near, 1e-6, 0.05);
        Assert.Equal(near / 10, nearer, near / 100); // first order in β
    }

    [Fact]
    public void AnAnswerPreferredToItselfHasNoGradient()
    {
        Tensor Same()
        {
            Tensor nll = Losses.SequenceNll(model, new PackedBatch(forget));
            return Losses.Dpo(nll, nll, Tensor.From<double>([0, 0, 0]), 0.1);
        }

        Assert.Equal(2 / 0.1 * Math.Log(2), TestModels.Value(Same), 1e-10);
        Assert.All(TestModels.Gradients(model, model.Names, Same).Values, gradient => Assert.InRange(gradient.Max(Math.Abs), 0, 1e-14));
    }

    [Fact]
    public void NegativePreferenceOfTheReferenceItselfIsTwiceLogTwoOverBeta() =>
        Assert.Equal(2 / 0.1 * Math.Log(2), TestModels.Value(() => Losses.Npo(Losses.SequenceNll(model, new PackedBatch(forget)), Losses.SequenceNll(model, new PackedBatch(forget)), 0.1)), 1e-10);

    [Theory]
    [InlineData("gd")]
    [InlineData("npo")]
    [InlineData("simnpo")]
    [InlineData("dpo")]
    [InlineData("rmu")]
    public void GradientsAreFiniteDifferences(string name)
    {
        Func<Tensor> loss = name switch
        {
            "gd" => () => GradientDifference(0.3),
            "npo" => () => NegativePreference(0.1),
            "simnpo" => () => Losses.WithRetain(Losses.SimNpo(ExampleMeans(), 2.5, 1), null, Losses.TokenNll(model, new PackedBatch(retain)), 0.3).Total,
            "dpo" => () => DirectPreference(0.1, withPreferred: true),
            _ => Misdirection,
        };
        const double step = 1e-5;
        Dictionary<string, double[]> gradients = TestModels.Gradients(model, model.Names, loss);
        var random = new SeededRandom(9);
        int nonzero = 0;
        foreach (string parameter in model.Names)
        {
            double[] weights = model[parameter].ToDoubles();
            double largest = gradients[parameter].Max(Math.Abs);
            for (int draw = 0; draw < 2; draw++)
            {
                int i = random.NextInt(weights.Length);
                double At(double value)
                {
                    TestModels.Set(model, parameter, [.. weights.Select((weight, j) => j == i ? value : weight)]);
                    return TestModels.Value(loss);
                }

                double measured = (At(weights[i] + step) - At(weights[i] - step)) / (2 * step);
                TestModels.Set(model, parameter, weights);
                Assert.True(Math.Abs(measured - gradients[parameter][i]) <= (1e-6 * largest) + 1e-8, $"{name}: {parameter}[{i}]: {gradients[parameter][i]} against {measured}");
                nonzero += Math.Abs(measured) > 1e-6 ? 1 : 0;
            }
        }

        Assert.InRange(nonzero, model.Names.Count / 2, int.MaxValue);
    }

    private Tensor Nll(TokenSequence[] sequences) => Losses.MeanNll(model, new PackedBatch(sequences));

    private Tensor GradientDifference(double alpha)
    {
        var both = new ForgetRetainBatch(forget, retain);
        return Losses.GradientDifference(Losses.TokenNll(model, both.Packed), both.ForgetTokens, alpha).Total;
    }

    private Tensor NegativePreference(double beta)
    {
        var batch = new PackedBatch(forget);
        return Losses.Npo(Losses.SequenceNll(model, batch), Losses.SequenceNll(reference, batch), beta);
    }

    private Tensor ExampleMeans()
    {
        var batch = new PackedBatch(forget);
        return Losses.SequenceMeans(Losses.TokenNll(model, batch), batch.ScoredOffsets);
    }

    /// <summary>The forget examples against the first retain examples; without these, as if the model said of them what the reference says.</summary>
    private Tensor DirectPreference(double beta, bool withPreferred)
    {
        var rejected = new PackedBatch(forget);
        var preferred = new PackedBatch(retain[..3]);
        Tensor difference = Losses.SequenceNll(reference, rejected) - Losses.SequenceNll(reference, preferred);
        return Losses.Dpo(Losses.SequenceNll(model, rejected), Losses.SequenceNll(withPreferred ? model : reference, preferred), difference, beta);
    }

    private Tensor Misdirection()
    {
        static Tensor Hidden(LlamaModel of, TokenSequence[] sequences)
        {
            var batch = new PackedBatch(sequences);
            return of.RunLayers(of.Embed(batch), batch, 0, 2);
        }

        Tensor target = Tensor.From<double>(Losses.SteeringTarget([.. Enumerable.Range(1, 8).Select(i => i / 8.0)], 6.5));
        return Losses.Rmu(Hidden(model, forget), target, Hidden(model, retain), Hidden(reference, retain), 12);
    }
}
