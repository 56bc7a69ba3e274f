using FsCheck;
using FsCheck.Fluent;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

[LeakLedger]
public sealed class LlamaModelTests : IDisposable
{
    private const int Vocabulary = 23;
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 3), 1);

    public void Dispose() => model.Dispose();

    [Fact]
    public void ATokenChangesNothingBeforeIt() =>
        Prop.ForAll((from seed in Gen.Choose(0, 100_000) select (ulong)seed).ToArbitrary(), seed =>
        {
            TokenSequence sequence = TestModels.Sequences(1, Vocabulary, seed)[0];
            int position = new SeededRandom(seed).Fork("position").NextInt(sequence.Ids.Length);
            long[] ids = sequence.Ids.ToArray();
            ids[position] = (ids[position] + 1) % Vocabulary;

            double[] before = TestModels.Logits(model, sequence), after = TestModels.Logits(model, new TokenSequence(ids, 1));

            int untouched = position * Vocabulary;
            return before.AsSpan(0, untouched).SequenceEqual(after.AsSpan(0, untouched))
                && !before.AsSpan(untouched, Vocabulary).SequenceEqual(after.AsSpan(untouched, Vocabulary));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));

    [Fact]
    public void ASequenceIsTheSameInAnyCompany() =>
        Prop.ForAll((from seed in Gen.Choose(0, 100_000) from count in Gen.Choose(2, 6) select (Seed: (ulong)seed, Count: count)).ToArbitrary(), given =>
        {
            TokenSequence[] sequences = TestModels.Sequences(given.Count, Vocabulary, given.Seed);
            double[] alone = [.. sequences.SelectMany(sequence => TestModels.Logits(model, sequence))];
            TokenSequence[] shuffled = [.. sequences];
            new SeededRandom(given.Seed).Shuffle(shuffled);
            double[] reordered = [.. shuffled.SelectMany(sequence => TestModels.Logits(model, sequence))];

            TestModels.AssertClose(alone, TestModels.Logits(model, sequences), 1e-12, "packed");
            TestModels.AssertClose(reordered, TestModels.Logits(model, shuffled), 1e-12, "packed in another order");
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20));

    [Fact]
    public void NllIsThatOfTheNextTokenUnderTheLogits()
    {
        TokenSequence[] sequences = TestModels.Sequences(4, Vocabulary, 5);
        var batch = new PackedBatch(sequences);
        double[] logits = TestModels.Logits(model, sequences);
        using TensorScope scope = TensorScope.Begin();

        double[] nll = Losses.TokenNll(model, batch).ToDoubles(), sums = Losses.SequenceNll(model, batch).ToDoubles();

        int scored = 0;
        for (int b = 0, row = 0; b < sequences.Length; row += sequences[b++].Ids.Length)
        {
            double sum = 0;
            foreach (int position in sequences[b].ScoredPositions)
            {
                double[] values = logits[((row + position - 1) * Vocabulary)..((row + position) * Vocabulary)];
                double expected = Math.Log(values.Sum(Math.Exp)) - values[sequences[b].Ids.Span[position]];
                Assert.Equal(expected, nll[scored++], 1e-10);
                sum += expected;
            }

            Assert.Equal(sum, sums[b], 1e-9);
        }

        Assert.Equal(nll.Length, scored);
        Assert.Equal(nll.Average(), Losses.MeanNll(model, batch).Item(), 1e-12);
    }

    [Fact]
    public void LayersMayRunInTwoParts()
    {
        var batch = new PackedBatch(TestModels.Sequences(3, Vocabulary, 6));
        using TensorScope scope = TensorScope.Begin();

        Tensor whole = model.HiddenStates(batch), half = model.RunLayers(model.Embed(batch), batch, 0, 1);

        Assert.Equal(whole.ToDoubles(), model.RunLayers(half, batch, 1, 3).ToDoubles());
        Assert.NotEqual(whole.ToDoubles(), half.ToDoubles());
        Assert.Same(half, model.RunLayers(half, batch, 2, 2));
    }

    [Fact]
    public void ATiedModelPredictsWithItsEmbedding()
    {
        LlamaConfig config = TestModels.Config(tied: true);
        using LlamaModel tied = TestModels.Make(config, 2);
        using TensorScope scope = TensorScope.Begin();
        KeyValuePair<string, Tensor>[] untied = [.. tied.Names.Select(name => new KeyValuePair<string, Tensor>(name, tied[name].Clone())), new(ParameterNames.Head, tied[ParameterNames.Embedding].Clone())];
        var other = new LlamaModel(config with { TiedEmbeddings = false }, untied);
        TokenSequence[] sequences = TestModels.Sequences(3, Vocabulary, 7);

        Assert.DoesNotContain(ParameterNames.Head, tied.Names);
        Assert.Equal(TestModels.Logits(other, sequences), TestModels.Logits(tied, sequences));
    }

    [Fact]
    public void ExactlyTheNamedParametersAreTrainable()
    {
        string[] wanted = [ParameterNames.FinalNorm, ParameterNames.Layer(1, "mlp.up_proj")];

        model.SetTrainable(model.Names);
        Assert.Equal(model.Names, model.Trainable());
        model.SetTrainable(wanted);

        Assert.Equal(wanted.Order(), model.Trainable().Order());
        Assert.Throws<ArgumentException>(() => model.SetTrainable(["model.layers.9.mlp.up_proj.weight"]));
    }

    [Fact]
    public void ACloneSharesNothing()
    {
        using LlamaModel clone = model.Clone();
        Assert.Empty(TestModels.Changed(model, clone));

        TestModels.Set(clone, ParameterNames.FinalNorm, new double[8]);

        Assert.Equal([ParameterNames.FinalNorm], TestModels.Changed(model, clone));
        Assert.All(model[ParameterNames.FinalNorm].ToDoubles(), value => Assert.NotEqual(0, value));
    }

    [Fact]
    public void AParameterThatIsMissingSuperfluousOrMisshapenIsNamed()
    {
        using TensorScope scope = TensorScope.Begin();
        string name = ParameterNames.Layer(2, "self_attn.k_proj");
        KeyValuePair<string, Tensor>[] all = [.. model.Names.Select(parameter => new KeyValuePair<string, Tensor>(parameter, model[parameter]))];
        Tensor wrong = Tensor.Zeros([4, 9], ElementType.Float64, Device.Cpu);

        AssertRejected([.. all.Where(pair => pair.Key != name)], name, "missing");
        AssertRejected([.. all, new("model.layers.3.mlp.up_proj.weight", wrong)], "model.layers.3.mlp.up_proj.weight");
        AssertRejected([.. all.Where(pair => pair.Key != name), new(name, wrong)], name, "[4, 9]", "[4, 8]");
    }

    [Fact]
    public void AnInitialModelFollowsItsSeed()
    {
        LlamaConfig config = TestModels.Config(layers: 2, hidden: 16);
        using LlamaModel one = ModelInitializer.Create(config, new SeededRandom(3)), same = ModelInitializer.Create(config, new SeededRandom(3)), other = ModelInitializer.Create(config, new SeededRandom(4));

        Assert.Empty(TestModels.Changed(one, same));
        Assert.Equal(one.Names.Where(name => !name.EndsWith("norm.weight", StringComparison.Ordinal)), TestModels.Changed(one, other));
        Assert.All(one[ParameterNames.FinalNorm].ToDoubles(), value => Assert.Equal(1, value));
        Assert.Equal(0.16, Deviation(one[ParameterNames.Embedding]), 0.024); // 0.64 / √16
        Assert.Equal(0.16 / 2, Deviation(one[ParameterNames.Layer(1, "mlp.down_proj")]), 0.012);
    }

    [Fact]
    public void AnIdOutsideTheVocabularyIsAnError()
    {
        using TensorScope scope = TensorScope.Begin();

        NativeException error = Assert.Throws<NativeException>(() => model.Embed(new PackedBatch([new(new long[] { 1, Vocabulary }, 1)])));

        Assert.Equal(NativeStatus.OutOfRange, error.Status);
    }

    private static double Deviation(Tensor tensor) => Math.Sqrt(tensor.ToDoubles().Average(value => value * value));

    private void AssertRejected(KeyValuePair<string, Tensor>[] parameters, params string[] said)
    {
        HybridException error = Assert.Throws<HybridException>(() => new LlamaModel(model.Config, parameters));

        Assert.Equal(ErrorKind.ModelFile, error.Kind);
        Assert.All(said, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }
}
