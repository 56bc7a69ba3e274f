using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

public sealed class BpeLearnerTests
{
    private const string Sample = "the cat sat on the mat, the cat's hat; 1234 12345\n\nthe naïve café 世界 世界 😀😀 <|end_of_text|> that then";

    [Fact]
    public void LearnsTheMergesWorkedByHand()
    {
        // "aab" x 3 and " ab" x 2: ab occurs 5 times; then a+ab 3; then blank+ab 2; then every word is one token.
        Tokenizer tokenizer = BpeLearner.Learn(["aab\naab ab\n", "aab ab"], 1000, BpeLearner.Llama3SpecialTokens);

        Assert.Equal((256, 257, 258), (tokenizer.TokenId("ab"), tokenizer.TokenId("aab"), tokenizer.TokenId("Ġab")));
        Assert.Equal((259, 260), (tokenizer.BeginOfText, tokenizer.EndOfText));
        Assert.Equal(261, tokenizer.VocabularySize); // stopped early: nothing occurs twice any more
        Assert.Equal([259, 257, 258], tokenizer.EncodeWithTemplate("aab ab"));
    }

    [Fact]
    public void TiesGoToTheSmallerIdsWhateverTheOrderOfTexts()
    {
        Tokenizer one = BpeLearner.Learn(["zy zy", "xw xw"], 257, []);
        Tokenizer other = BpeLearner.Learn(["xw xw", "zy zy"], 257, []);

        // Of the pairs "xw" and "zy" with 2 occurrences each, x (0x78) is before z (0x7A).
        Assert.Equal((256, null), (one.TokenId("xw"), one.TokenId("zy")));
        Assert.Equal((256, null), (other.TokenId("xw"), other.TokenId("zy")));
    }

    [Fact]
    public void HoldsAllBytesAndNoMoreThanAskedFor()
    {
        Tokenizer tokenizer = BpeLearner.Learn([Sample], 270, BpeLearner.Llama3SpecialTokens);

        Assert.Equal(270, tokenizer.VocabularySize);
        Assert.Equal((268, 269), (tokenizer.TokenId("<|begin_of_text|>"), tokenizer.TokenId("<|end_of_text|>")));
        Assert.Equal(Enumerable.Range(0, 256), Enumerable.Range(0, 256).Select(value => tokenizer.TokenId(ByteAlphabet.ToChar((byte)value).ToString())!.Value));
    }

    [Fact]
    public void DoesNotLearnFromSpecialTokens()
    {
        string text = string.Concat(Enumerable.Repeat("<|end_of_text|>", 50));

        Assert.Equal(258, BpeLearner.Learn([text], 300, BpeLearner.Llama3SpecialTokens).VocabularySize);
        Assert.True(BpeLearner.Learn([text], 300, []).VocabularySize > 258);
    }

    [Fact]
    public void LearnsNothingFromNothing() => Assert.Equal(258, BpeLearner.Learn([], 300, BpeLearner.Llama3SpecialTokens).VocabularySize);

    [Fact]
    public void DecodingGivesTheTextBack()
    {
        Tokenizer tokenizer = BpeLearner.Learn([Sample], 300, BpeLearner.Llama3SpecialTokens);

        Prop.ForAll(UnicodeText.Any, text => tokenizer.Decode(tokenizer.Encode(text)) == text)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        Prop.ForAll(UnicodeText.Any, text => !tokenizer.Encode("<|end_of_text|>" + text, specialTokensAsText: true).Any(tokenizer.IsSpecial))
            .Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public void SavingAndLoadingKeepsEveryEncoding()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("tokenizer.json");
        Tokenizer learned = BpeLearner.Learn([Sample], 300, BpeLearner.Llama3SpecialTokens);
        learned.Save(path);
        Tokenizer loaded = Tokenizer.Load(path);

        Assert.Equal(learned.VocabularySize, loaded.VocabularySize);
        Prop.ForAll(UnicodeText.Any, text => learned.EncodeWithTemplate(Sample + text).SequenceEqual(loaded.EncodeWithTemplate(Sample + text)))
            .Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public void CountingAsItGoesAgreesWithCountingAfresh() => Prop.ForAll(
        Arb.From(Gen.Elements('a', 'b', ' ').ListOf().Select(list => string.Concat(list))),
        text =>
        {
            Tokenizer tokenizer = BpeLearner.Learn([text], 290, []);
            string[] learned = [.. Enumerable.Range(256, tokenizer.VocabularySize - 256).Select(id => tokenizer.Decode([id]))];
            return learned.SequenceEqual(LearnAfresh(text, 290));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(300));

    [Theory]
    [InlineData(257, "vocabularySize: expected at least 258")]
    [InlineData(300, "specialTokens", "x", "x")]
    [InlineData(300, "specialTokens", "")]
    [InlineData(300, "specialTokens", "q")]
    public void RefusesWhatCannotBe(int size, string message, params string[] specialTokens)
    {
        HybridException error = Assert.Throws<HybridException>(
            () => BpeLearner.Learn([Sample], size, specialTokens.Length > 0 ? specialTokens : BpeLearner.Llama3SpecialTokens));

        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains(message, error.Message);
    }

    /// <summary>The same algorithm, with every count taken anew: the strings of the tokens in the order they are learned.</summary>
    private static List<string> LearnAfresh(string text, int size)
    {
        List<string> tokens = [.. Enumerable.Range(0, 256).Select(value => ((char)value).ToString())];
        List<List<int>> words = [.. PreTokenizer.Split(PieceScanners.Llama3, text).Select(word => Encoding.UTF8.GetBytes(word).Select(value => (int)value).ToList())];
        while (tokens.Count < size)
        {
            var best = words.SelectMany(word => word.Zip(word.Skip(1)))
                .GroupBy(pair => pair)
                .Select(group => (Pair: group.Key, Count: group.Count()))
                .OrderByDescending(entry => entry.Count).ThenBy(entry => entry.Pair)
                .FirstOrDefault();
            if (best.Count < 2)
            {
                break;
            }

            string token = tokens[best.Pair.First] + tokens[best.Pair.Second];
            if (!tokens.Contains(token))
            {
                tokens.Add(token);
            }

            int id = tokens.IndexOf(token);
            foreach (List<int> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i], word[i + 1]) == best.Pair)
                    {
                        word[i] = id;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return tokens[256..];
    }
}
