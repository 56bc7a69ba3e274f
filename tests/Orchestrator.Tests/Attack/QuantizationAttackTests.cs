using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Attack;

[LeakLedger]
public sealed class QuantizationAttackTests(TaughtModel taught) : IClassFixture<TaughtModel>
{
    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.BFloat16)]
    public void LinearLayersAreRoundedAndNothingElse(ElementType type)
    {
        using LlamaModel model = taught.Model.Clone(type, Device.Cpu), before = model.Clone();
        string[] linear = [.. model.Names.Where(name => name.Contains("_proj", StringComparison.Ordinal))];

        using LlamaModel rounded = new QuantizationAttack(Options([4], 16), taught.Evaluator).Rounded(model, 4);

        Assert.Equal(3 * 7, linear.Length); // layers × q, k, v, o, gate, up, down
        Assert.Equal(linear, TestModels.Changed(model, rounded));
        Assert.Empty(TestModels.Changed(before, model));
        foreach (string name in linear)
        {
            Assert.Equal(type, rounded[name].ElementType);
            Assert.All(rounded[name].ToDoubles().Chunk(16), group => Assert.InRange(group.Distinct().Count(), 1, 15));
        }
    }

    [Fact]
    public void AnswersAreThoseOfTheRoundedModel()
    {
        var attack = new QuantizationAttack(Options([8, 2], 128), taught.Evaluator);

        IReadOnlyList<QuantizationResult> results = attack.Run(taught.Model, taught.Forget, taught.Data.RetainQuestions);

        Assert.Equal([8, 2], results.Select(result => result.Bits));
        Assert.InRange(results[0].Forget.Accuracy, 0.85, 1); // eight bits hardly show
        foreach (QuantizationResult result in results)
        {
            using LlamaModel rounded = attack.Rounded(taught.Model, result.Bits);
            Assert.Equal(taught.Evaluator.Evaluate(rounded, taught.Forget).LetterLogits, result.Forget.LetterLogits);
            Assert.Equal(taught.Evaluator.Evaluate(rounded, taught.Data.RetainQuestions).LetterLogits, result.Retain.LetterLogits);
        }
    }

    [Fact]
    public void EveryProblemIsNamed()
    {
        Assert.Empty(QuantizationOptions.Standard.Validate());
        Assert.Equal(["at least one number of bits is needed, and none twice", "group size 0 must be at least 1"], Options([], 0).Validate());
        Assert.Equal(["bits 1 must lie in 2 … 8", "bits 9 must lie in 2 … 8"], Options([1, 4, 9], 1).Validate());
    }

    [Fact]
    public void ItStopsWhenCancelled() => Assert.Throws<OperationCanceledException>(
        () => new QuantizationAttack(Options([4], 128), taught.Evaluator).Run(taught.Model, taught.Forget, taught.Data.RetainQuestions, new CancellationToken(canceled: true)));

    private static QuantizationOptions Options(int[] bits, int groupSize) => new() { Bits = bits, GroupSize = groupSize };
}
