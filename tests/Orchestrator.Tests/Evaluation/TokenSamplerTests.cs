using Hybrid.Interop;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class TokenSamplerTests
{
    /// <summary>Probabilities 0.1, 0.4, 0.2 and 0.3 at temperature 1.</summary>
    private static readonly double[] Logits = [Math.Log(0.1), Math.Log(0.4), Math.Log(0.2), Math.Log(0.3)];

    [Theory]
    [InlineData(0.05, new[] { 1 })]
    [InlineData(0.39, new[] { 1 })]
    [InlineData(0.41, new[] { 1, 3 })]
    [InlineData(0.69, new[] { 1, 3 })]
    [InlineData(0.71, new[] { 1, 3, 2 })]
    [InlineData(0.95, new[] { 1, 3, 2, 0 })]
    public void TheNucleusIsTheFewestLikeliestTokensThatSumToP(double p, int[] ids)
    {
        (int Id, double Probability)[] nucleus = Sampler(1, p).Nucleus(Logits);

        Assert.Equal(ids, nucleus.Select(token => token.Id));
        Assert.All(nucleus, token => Assert.Equal(Math.Exp(Logits[token.Id]), token.Probability, 12));
    }

    [Fact]
    public void TemperatureTakesThePowerOfTheProbabilities()
    {
        // At temperature 1/2 the probabilities are as 1 : 16 : 4 : 9.
        (int Id, double Probability)[] nucleus = Sampler(0.5, 0.8).Nucleus(Logits);

        Assert.Equal([1, 3], nucleus.Select(token => token.Id));
        Assert.Equal(16 / 30.0, nucleus[0].Probability, 12);
        Assert.Equal(9 / 30.0, nucleus[1].Probability, 12);
    }

    [Fact]
    public void OfEqualsTheLowerIdComesFirst() => Assert.Equal([1, 3, 0], Sampler(1, 0.9).Nucleus([1.0, 2.0, 0.0, 2.0]).Select(token => token.Id));

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.99)]
    [InlineData(0.9999)]
    [InlineData(0.9999999999)]
    public void TheNucleusOfALargeVocabularyIsThatOfTheWholeSorted(double p)
    {
        var random = new SeededRandom(8);
        double[] logits = [.. Enumerable.Range(0, 5000).Select(_ => Math.Round(4 * random.NextGaussian(), 2))]; // equals are among them
        (int Id, double Probability)[] sorted = [.. Sampler(1, 1).Nucleus(logits).OrderByDescending(token => token.Probability).ThenBy(token => token.Id)];
        int count = 0;
        for (double sum = 0; sum < p && count < sorted.Length; count++)
        {
            sum += sorted[count].Probability;
        }

        Assert.Equal(sorted[..count], Sampler(1, p).Nucleus(logits));
    }

    [Fact]
    public void FrequenciesFollowTheProbabilitiesAmongTheNucleus()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor logits = Tensor.From<double>(Logits, [1, 4], Device.Cpu);
        var random = new SeededRandom(4);
        const int draws = 4000;

        ILookup<int, int> all = Enumerable.Range(0, draws).ToLookup(_ => Sampler(1, 1).Next(logits, [random])[0]);
        ILookup<int, int> nucleus = Enumerable.Range(0, draws).ToLookup(_ => Sampler(1, 0.6).Next(logits, [random])[0]);

        // Four standard deviations of a share are at most 4 · √(1/4 / 4000) = 0.032.
        Assert.All(Enumerable.Range(0, 4), id => Assert.Equal(Math.Exp(Logits[id]), all[id].Count() / (double)draws, 0.032));
        Assert.Equal(4 / 7.0, nucleus[1].Count() / (double)draws, 0.032);
        Assert.Equal(draws, nucleus[1].Count() + nucleus[3].Count());
    }

    [Fact]
    public void RowsDrawFromTheirOwnChance()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor logits = Tensor.From<double>([.. Logits, .. Logits, .. Logits], [3, 4], Device.Cpu);
        TokenSampler sampler = Sampler(1, 1);
        int[] alone = [.. Enumerable.Range(0, 3).Select(row => sampler.Next(logits.Narrow(0, row, 1), [new SeededRandom((ulong)row)])[0])];

        Assert.Equal(alone, sampler.Next(logits, [new SeededRandom(0), new SeededRandom(1), new SeededRandom(2)]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1e-9)]
    public void WithoutTemperatureTheLikeliestIsTaken(double temperature)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor logits = Tensor.From<double>([.. Logits, 5, 9, -100, 9.5], [2, 4], Device.Cpu);

        Assert.Equal([1, 3], Sampler(temperature, 1).Next(logits, [new SeededRandom(1), new SeededRandom(2)]));
    }

    [Theory]
    [InlineData(-1, 0.5)]
    [InlineData(double.NaN, 0.5)]
    [InlineData(double.PositiveInfinity, 0.5)]
    [InlineData(1, 0)]
    [InlineData(1, 1.01)]
    [InlineData(1, double.NaN)]
    public void NonsenseIsNamed(double temperature, double p) => Assert.Single(new SamplingOptions { Temperature = temperature, TopP = p, Seed = 1 }.Validate());

    [Fact]
    public void GreedyIsValid() => Assert.Empty(SamplingOptions.Greedy.Validate());

    private static TokenSampler Sampler(double temperature, double p) => new(new SamplingOptions { Temperature = temperature, TopP = p, Seed = 1 });
}
