using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

/// <summary>What is too long is cut on the left, behind begin-of-text; the target stays.</summary>
public sealed class ExampleEncoderTests
{
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["a b"], 258, BpeLearner.Llama3SpecialTokens);

    [Theory]
    [InlineData(8, "<|begin_of_text|>abcd12", 5)]
    [InlineData(7, "<|begin_of_text|>abcd12", 5)]
    [InlineData(6, "<|begin_of_text|>bcd12", 4)]
    [InlineData(4, "<|begin_of_text|>d12", 2)]
    [InlineData(3, "<|begin_of_text|>12", 1)]
    [InlineData(2, "<|begin_of_text|>2", 1)]
    public void TheLeftEndIsCutAway(int maximumTokens, string expected, int firstScored)
    {
        TokenSequence sequence = new ExampleEncoder(Tokenizer, maximumTokens).Encode(new PromptAndTarget("abcd", "12"));

        Assert.Equal(Tokenizer.Encode(expected).Select(id => (long)id), sequence.Ids.ToArray());
        Assert.Equal(firstScored, sequence.ScoredPositions[0]);
        Assert.Equal(sequence.Ids.Length - firstScored, sequence.ScoredPositions.Count);
    }

    [Fact]
    public void APromptIsCutThereTooUnlessItMayHaveAnyLength()
    {
        Assert.Equal(Tokenizer.Encode("<|begin_of_text|>de").Select(id => (long)id), new ExampleEncoder(Tokenizer, 3).EncodePrompt("abcde").Ids.ToArray());
        Assert.Equal(1001, new ExampleEncoder(Tokenizer, int.MaxValue).EncodePrompt(new string('x', 1000)).Ids.Length);
    }
}
