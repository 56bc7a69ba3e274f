using Hybrid.Orchestrator.Utility;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Utility;

/// <summary>Words and the entropy of their n-grams, on cases worked by hand.</summary>
public sealed class NgramEntropyTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("  \n ", "")]
    [InlineData("one", "one")]
    [InlineData("Good day, he said: it is 3.50 (or 1,000).", "Good|day|,|he|said|:|it|is|3.50|(|or|1,000|)|.")]
    [InlineData("It ends. Then it goes on, e.g. here.", "It|ends|.|Then|it|goes|on|,|e.g.|here|.")]
    [InlineData("Don't you'd think it's John's?", "Do|n't|you|'d|think|it|'s|John|'s|?")]
    [InlineData("Wait... what -- \"now\"?!", "Wait|...|what|--|\"|now|\"|?|!")]
    [InlineData("the dogs' bones, 'quoted' text", "the|dogs|'|bones|,|'|quoted|'|text")]
    [InlineData("He said \"stop.\" Then left.", "He|said|\"|stop|.|\"|Then|left|.")]
    [InlineData("1. First\n2. Second", "1|.|First|2|.|Second")]
    [InlineData("well-known at 10:30", "well-known|at|10:30")]
    public void WordsAreThePennTreebanks(string text, string words) => Assert.Equal(words, string.Join('|', WordSplitter.Split(text)));

    [Fact]
    public void TextsWithoutNgramsHaveNone()
    {
        Assert.Equal(0, NgramEntropy.Of(string.Empty));
        Assert.Equal(0, NgramEntropy.Of("word"));
        Assert.Equal(0, NgramEntropy.Of("two words")); // one bigram, no trigram
        Assert.Equal(0, NgramEntropy.Of("so so so so")); // one bigram, one trigram
    }

    [Fact]
    public void EntropyByHand()
    {
        // Five different words: four bigrams and three trigrams, each once.
        Assert.Equal((2 / 3.0) + (2 / 3.0 * Math.Log2(3)), NgramEntropy.Of("a b c d e"), 12);

        // a b a b c: bigrams ab twice, ba, bc; trigrams aba, bab, abc.
        double two = (0.5 * 1) + (2 * 0.25 * 2), three = Math.Log2(3);
        Assert.Equal((two / 3) + (2 * three / 3), NgramEntropy.Of("a b a b c"), 12);
        Assert.Equal(1.5, NgramEntropy.Entropy(["a", "b", "a", "b", "c"], 2), 12);
    }

    [Fact]
    public void RepetitionLowersIt() =>
        Assert.True(NgramEntropy.Of("the cat sat and then the cat sat and then the cat sat") < NgramEntropy.Of("the cat sat and then my dog ran over to your old house") - 1);
}
