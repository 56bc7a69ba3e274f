using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

[LeakLedger]
public sealed class KnowledgeDensityTests : IDisposable
{
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(layers: 3), 1);
    private readonly TokenSequence[] examples = TestModels.Sequences(7, 23, 2);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void ItIsTheMeanOfEachExamplesOwnGradientNorm(bool mlpOnly, bool tied)
    {
        using LlamaModel measured = TestModels.Make(TestModels.Config(layers: 3, tied: tied), 3);
        double[] expected = Naive(measured, examples, mlpOnly);

        TestModels.AssertClose(expected, KnowledgeDensity.Measure(measured, examples, mlpOnly, 3), 1e-10, "density");

        // The norm of the batch's mean gradient is a different, smaller number.
        Dictionary<string, double[]> together = TestModels.Gradients(measured, TestModels.LayerNames(0, 1), () => Losses.MeanNll(measured, new PackedBatch(examples)));
        Assert.True(together.Values.Sum(gradient => gradient.Sum(Math.Abs)) < 0.8 * Naive(measured, examples, false)[0]);
    }

    [Fact]
    public void BatchesDoNotMatter()
    {
        double[] one = KnowledgeDensity.Measure(model, examples, false, 1);

        foreach (int size in new[] { 2, 3, 7, 50 })
        {
            TestModels.AssertClose(one, KnowledgeDensity.Measure(model, examples, false, size), 1e-12, $"batches of {size}");
        }

        TestModels.AssertClose(one, KnowledgeDensity.Measure(model, [.. examples.Reverse()], false, 3), 1e-12, "another order");
        TestModels.AssertClose(one, KnowledgeDensity.Measure(model, [.. examples, .. examples], false, 4), 1e-12, "everything twice");
    }

    [Fact]
    public void WhatIsTrainableDoesNotMatterAndNothingChanges()
    {
        using LlamaModel before = model.Clone();
        double[] frozen = KnowledgeDensity.Measure(model, examples, false, 4);
        string[] some = TestModels.LayerNames(1, 2);
        model.SetTrainable(some);

        Assert.Equal(frozen, KnowledgeDensity.Measure(model, examples, false, 4));
        Assert.Equal(some, model.Trainable());
        model.SetTrainable(model.Names);
        Assert.Equal(frozen, KnowledgeDensity.Measure(model, examples, false, 4));
        Assert.Empty(TestModels.Changed(before, model));
    }

    [Fact]
    public void TheMlpIsAPartOfTheWhole()
    {
        double[] all = KnowledgeDensity.Measure(model, examples, false, 4), mlp = KnowledgeDensity.Measure(model, examples, true, 4);

        Assert.Equal(3, all.Length);
        Assert.All(all.Zip(mlp), pair => Assert.InRange(pair.Second, 1e-6, pair.First * 0.99));
    }

    [Fact]
    public void SharesSumToOne()
    {
        Assert.Equal([0.125, 0.25, 0.625], KnowledgeDensity.Normalize([1, 2, 5]));
        Assert.Equal(1, KnowledgeDensity.Normalize(KnowledgeDensity.Measure(model, examples, false, 4)).Sum(), 1e-12);
    }

    [Fact]
    public void ProgressCountsBatchesAndTellsTheMeanLoss()
    {
        var reports = new List<TrainingProgress>();

        KnowledgeDensity.Measure(model, examples, false, 3, new SynchronousProgress<TrainingProgress>(reports.Add));

        Assert.Equal([(1, 3), (2, 3), (3, 3)], reports.Select(report => (report.Step, report.TotalSteps)));
        double last = TestModels.Value(() => Losses.MeanNll(model, new PackedBatch([examples[6]])));
        Assert.Equal(last, reports[2].Loss, 1e-12);
    }

    [Fact]
    public void NoExampleNoScoredTokenOrABrokenModelIsAnError()
    {
        Assert.Equal(ErrorKind.EmptySplit, Assert.Throws<HybridException>(() => KnowledgeDensity.Measure(model, [], false, 4)).Kind);
        Assert.Throws<ArgumentException>(() => KnowledgeDensity.Measure(model, [new TokenSequence(new long[] { 1, 2 }, 2)], false, 4));

        TestModels.Set(model, ParameterNames.FinalNorm, [double.NaN, 1, 1, 1, 1, 1, 1, 1]);
        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => KnowledgeDensity.Measure(model, examples, false, 4)).Kind);
    }

    [Fact]
    public void ItStopsBetweenBatchesWhenCancelled()
    {
        using var source = new CancellationTokenSource();
        int batches = 0;
        var progress = new SynchronousProgress<TrainingProgress>(_ =>
        {
            batches++;
            source.Cancel();
        });

        Assert.Throws<OperationCanceledException>(() => KnowledgeDensity.Measure(model, examples, false, 2, progress, source.Token));
        Assert.Equal(1, batches);
    }

    internal static double[] Naive(LlamaModel model, IReadOnlyList<TokenSequence> examples, bool mlpOnly)
    {
        double[] density = new double[model.Config.Layers];
        string[] names = [.. TestModels.LayerNames(0, density.Length).Where(name => !mlpOnly || name.Contains(".mlp.", StringComparison.Ordinal))];
        foreach (TokenSequence example in examples)
        {
            Dictionary<string, double[]> gradients = TestModels.Gradients(model, names, () => Losses.MeanNll(model, new PackedBatch([example])));
            foreach ((string name, double[] gradient) in gradients)
            {
                density[int.Parse(name.Split('.')[2])] += gradient.Sum(Math.Abs) / examples.Count;
            }
        }

        return density;
    }
}
