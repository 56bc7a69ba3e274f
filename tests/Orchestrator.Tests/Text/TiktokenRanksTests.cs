using System.Text;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>Reading tiktoken's form, and the merges made of it.</summary>
public sealed class TiktokenRanksTests
{
    [Fact]
    public void TokensAreInTheOrderOfTheirRanks()
    {
        string[] lines = Encoding.ASCII.GetString(TiktokenText.Of(TiktokenText.Bytes("ab", "abc"))).TrimEnd('\n').Split('\n');

        TiktokenRanks ranks = TiktokenRanks.Read("t", Encoding.ASCII.GetBytes(string.Join("\r\n", lines.Reverse())));

        Assert.Equal(TiktokenText.Bytes("ab", "abc"), ranks.Tokens);
        Assert.Equal("YWI= 256", lines[256]);
    }

    [Fact]
    public void EverySplitOfATokenIsAMerge()
    {
        TiktokenRanks ranks = TiktokenRanks.Read("t", TiktokenText.Of(TiktokenText.Bytes("bc", "ab", "abc", "xyz")));

        Assert.Equal([("b", "c"), ("a", "b"), ("a", "bc"), ("ab", "c")], ranks.Merges()); // xyz cannot be merged
    }

    [Theory]
    [InlineData("abc", 258)] // bc first, then a+bc
    [InlineData("xyz", 259)] // a token as a whole, though nothing merges to it
    [InlineData("xxyz", 120, 120, 121, 122)]
    [InlineData("abab", 257, 257)]
    public void PiecesByHand(string piece, params int[] expected)
    {
        Tokenizer tokenizer = Llama3Tiktoken.From("t", TiktokenRanks.Read("t", TiktokenText.Of(TiktokenText.Bytes("bc", "ab", "abc", "xyz"))), ["<|begin_of_text|>"]);

        Assert.Equal(expected, tokenizer.Encode(piece));
        Assert.Equal(260, tokenizer.BeginOfText);
    }

    /// <summary>Tables that no learning gives, in which a longer token may come before its parts.</summary>
    [Fact]
    public void AnyTableMergesAsByRank()
    {
        var random = new SeededRandom(5);
        string Word(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.NextInt(3))));
        int merged = 0;
        for (int table = 0; table < 60; table++)
        {
            string[] tokens = TiktokenText.Bytes(Enumerable.Range(0, 60).Select(_ => Word(2 + random.NextInt(4))).Distinct());
            Dictionary<string, int> ranks = tokens.Select((token, rank) => (token, rank)).ToDictionary(StringComparer.Ordinal);
            Tokenizer tokenizer = Llama3Tiktoken.From("t", TiktokenRanks.Read("t", TiktokenText.Of(tokens)), []);
            for (int text = 0; text < 40; text++)
            {
                string word = Word(1 + random.NextInt(90));
                List<int> expected = TiktokenText.Encode(ranks, word);
                Assert.Equal(expected, tokenizer.Encode(word));
                merged += word.Length - expected.Count;
            }
        }

        Assert.InRange(merged, 60 * 40 * 20, 60 * 40 * 90);
    }

    [Theory]
    [InlineData("YWI", "t:257: expected 'BASE64 RANK', got \"YWI\".")]
    [InlineData("", "t:257: expected 'BASE64 RANK', got \"\".")]
    [InlineData("YWI= ", "t:257: expected 'BASE64 RANK', got \"YWI= \".")]
    [InlineData(" 256", "t:257: expected 'BASE64 RANK', got \" 256\".")]
    [InlineData("YWI 256", "t:257: expected a token in base64, got \"YWI\".")]
    [InlineData("YQ== 256", "t:257: the token \"a\" stands in line 98 too; expected each token once.")]
    [InlineData("YW== 256", "t:257: expected a token in base64, got \"YW==\".")] // bits that are not of the byte
    [InlineData("Y!I= 256", "t:257: expected a token in base64, got \"Y!I=\".")]
    [InlineData("YWI=\t256", "t:257: expected 'BASE64 RANK', got \"YWI=\\t256\".")]
    [InlineData("YWI=  256", "t:257: expected a rank of at least 0 after the token, got \" 256\".")]
    [InlineData("YWI= -1", "t:257: expected a rank of at least 0 after the token, got \"-1\".")]
    [InlineData("YWI= 2.5", "t:257: expected a rank of at least 0 after the token, got \"2.5\".")]
    [InlineData("YWI= 99999999999", "t:257: expected a rank of at least 0 after the token, got \"99999999999\".")]
    [InlineData("YWI= 257", "t:257: rank 257; expected each of 0 to 256 once, as the file has 257 tokens.")]
    [InlineData("YWI= 7", "t:257: rank 7 stands in line 8 too; expected each rank once.")]
    [InlineData("YWI= 256\n\nYWJj 257", "t:258: expected 'BASE64 RANK', got \"\".")]
    public void RefusesAMalformedLine(string last, string message) =>
        AssertRefused([.. TiktokenText.Of(TiktokenText.Bytes()), .. Encoding.UTF8.GetBytes(last + "\n")], message);

    [Fact]
    public void RefusesAMissingByte()
    {
        string[] tokens = TiktokenText.Bytes();
        tokens[0xE9] = "ab";

        AssertRefused(TiktokenText.Of(tokens), "t: no token for the byte 0xE9; expected one for each of the 256 bytes.");
    }

    [Fact]
    public void RefusesASentencePieceModelAndOtherThings()
    {
        byte[] sentencePiece = [0x0A, 0x0E, 0x0A, 0x05, .. "<unk>"u8, 0x15, 0, 0, 0, 0, 0x18, 0x02];

        AssertRefused(sentencePiece, "t: is not text; Llama 2's, Mistral's and Zephyr's are SentencePiece models, which are not read; expected tiktoken's lines 'BASE64 RANK' as Llama 3's has, or a tokenizer.json beside it.");
        AssertRefused([], "t: is empty; expected tiktoken's lines");
        AssertRefused("version https://git-lfs.github.com/spec/v1\n"u8, "t:1: expected a token in base64, got \"version\".");
        AssertRefused(new byte[(1 << 23) + 1], "t: 8388609 bytes; expected tiktoken's text of at most 8388608.");
        AssertRefused(Encoding.ASCII.GetBytes($"{Convert.ToBase64String(new byte[257])} 0\n"), "t:1: a token longer than 256 bytes.");
    }

    private static void AssertRefused(ReadOnlySpan<byte> content, string message)
    {
        byte[] copy = content.ToArray();
        HybridException error = Assert.Throws<HybridException>(() => TiktokenRanks.Read("t", copy));

        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
