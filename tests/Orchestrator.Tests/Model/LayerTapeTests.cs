using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

/// <summary>A pass cut between layers gives what one graph gives, to the bit, and each gradient when it is ready.</summary>
[LeakLedger]
public sealed class LayerTapeTests
{
    private const int Vocabulary = 23;
    private const int Layers = 3;

    private readonly PackedBatch batch = new(TestModels.Sequences(4, Vocabulary, 5));

    [Theory]
    [InlineData(false, false, ElementType.Float64)]
    [InlineData(true, false, ElementType.Float64)]
    [InlineData(false, true, ElementType.Float64)]
    [InlineData(true, true, ElementType.Float64)]
    [InlineData(true, false, ElementType.BFloat16)]
    [InlineData(true, true, ElementType.BFloat16)]
    public void GradientsAreThoseOfOneGraph(bool checkpointing, bool tied, ElementType type)
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers, tied: tied), 1, type);
        Dictionary<string, double[]> expected = TestModels.Gradients(model, model.Names, () => Losses.MeanNll(model, batch));

        model.ActivationCheckpointing = checkpointing;
        (Dictionary<string, double[]> found, _) = Record(model, model.Names, () => Losses.MeanNll(model, batch));

        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        foreach ((string name, double[] values) in expected)
        {
            if (tied && name == ParameterNames.Embedding && type == ElementType.Float64)
            {
                TestModels.AssertClose(values, found[name], 1e-15, name); // its two parts may be added in another order
            }
            else
            {
                Assert.Equal(values, found[name]);
            }
        }
    }

    [Fact]
    public void LayersComeFromTheLastToTheFirstAndTheEmbeddingAtTheEnd()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        model.SetTrainable(model.Names);

        (_, List<string[]> order) = Record(model, model.Names, () => Losses.MeanNll(model, batch));

        Assert.Equal([ParameterNames.FinalNorm, ParameterNames.Head], order[0].Order().Reverse());
        for (int i = 0; i < Layers; i++)
        {
            Assert.Equal(TestModels.LayerNames(Layers - 1 - i, Layers - i), order[i + 1]);
        }

        Assert.Equal([ParameterNames.Embedding], order[^1]);
        Assert.Equal(Layers + 2, order.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BackwardStopsAtTheLowestLayerThatIsAskedFor(bool checkpointing)
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        string[] names = [.. TestModels.LayerNames(1, 2)];
        Dictionary<string, double[]> expected = TestModels.Gradients(model, names, () => Losses.MeanNll(model, batch));
        model.ActivationCheckpointing = checkpointing;

        (Dictionary<string, double[]> found, List<string[]> order) = Record(model, names, () => Losses.MeanNll(model, batch));

        Assert.Equal(names, Assert.Single(order));
        Assert.All(names, name => Assert.Equal(expected[name], found[name]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TwoRunsThroughTheSameLayersAddUp(bool checkpointing)
    {
        // The second run goes on from the first one's result, and both use layer 1.
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        Tensor Loss()
        {
            Tensor once = model.RunLayers(model.Embed(batch), batch, 0, 2);
            return Losses.TokenNll(model, model.RunLayers(once, batch, 1, 3), batch).Mean() + once.Square().Mean();
        }

        Dictionary<string, double[]> expected = TestModels.Gradients(model, model.Names, Loss);
        model.ActivationCheckpointing = checkpointing;

        (Dictionary<string, double[]> found, List<string[]> order) = Record(model, model.Names, Loss);

        foreach ((string name, double[] values) in expected)
        {
            TestModels.AssertClose(values, found[name], 1e-13, name);
        }

        Assert.Equal(order.Sum(names => names.Length), found.Count); // each handed out once
    }

    [Fact]
    public void ParametersMayMoveAsSoonAsTheirGradientsAreThere()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        Dictionary<string, double[]> expected = TestModels.Gradients(model, model.Names, () => Losses.MeanNll(model, batch));
        model.ActivationCheckpointing = true;
        using TensorScope scope = TensorScope.Begin();
        using LayerTape tape = model.Record(model.Names);
        Tensor loss = Losses.MeanNll(model, batch);

        tape.Backward(loss, gradients =>
        {
            foreach ((string name, Tensor gradient) in gradients)
            {
                Assert.Equal(expected[name], gradient.ToDoubles());
                TestModels.Set(model, name, new double[gradient.Count]); // what would spoil any gradient that is computed from it later
            }
        });

        Assert.All(model.Names, name => Assert.Equal(0, model[name].AbsMax().Item()));
    }

    [Fact]
    public void DensityIsTheSameWithCheckpointing()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        TokenSequence[] examples = TestModels.Sequences(5, Vocabulary, 9);
        double[] expected = KnowledgeDensity.Measure(model, examples, mlpOnly: false, batchSize: 2);
        model.ActivationCheckpointing = true;

        Assert.Equal(expected, KnowledgeDensity.Measure(model, examples, mlpOnly: false, batchSize: 2));
    }

    [Fact]
    public void WithoutRecordingNothingIsTaped()
    {
        using LlamaModel model = TestModels.Make(TestModels.Config(Layers), 1);
        model.SetTrainable(model.Names);
        using TensorScope scope = TensorScope.Begin();
        using LayerTape tape = model.Record(model.Names);
        using (GradMode.Off())
        {
            Assert.False(model.HiddenStates(batch).RequiresGrad);
        }

        Assert.Throws<InvalidOperationException>(() => model.Record(model.Names));
        Assert.Throws<NativeException>(() => tape.Backward(Tensor.From<double>([1.0]), _ => { })); // a loss that nothing leads to
    }

    /// <summary>Gradients by name, and the names in the order in which they were handed out.</summary>
    private static (Dictionary<string, double[]> Gradients, List<string[]> Order) Record(LlamaModel model, IReadOnlyList<string> names, Func<Tensor> loss)
    {
        var found = new Dictionary<string, double[]>();
        var order = new List<string[]>();
        using TensorScope scope = TensorScope.Begin();
        using LayerTape tape = model.Record(names);
        tape.Backward(loss(), gradients =>
        {
            order.Add([.. gradients.Select(gradient => gradient.Key)]);
            foreach ((string name, Tensor gradient) in gradients)
            {
                found.Add(name, gradient.ToDoubles());
            }
        });
        return (found, order);
    }
}
