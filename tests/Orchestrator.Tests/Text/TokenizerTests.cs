using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

public sealed class TokenizerTests
{
    [Theory]
    [InlineData("", new int[0])]
    [InlineData("abc", new[] { 258 })] // a b c, ab c, abc
    [InlineData("bc", new[] { 257 })]
    [InlineData("aabcb", new[] { 'a', 258, 'b' })]
    [InlineData("é", new[] { 0xC3, 0xA9 })]
    [InlineData("x<s>ab@@", new[] { 'x', 260, 256, 262 })]
    [InlineData("<s><s><s>", new[] { 261, 260 })] // the longest of those that start first
    [InlineData("a<s", new int[] { 'a', '<', 's' })]
    public void EncodesAsWorkedByHand(string text, int[] expected) => Assert.Equal(expected, new TokenizerFile().Load().Encode(text));

    [Fact]
    public void AnUnpairedSurrogateIsEncodedAsUFffd()
    {
        Tokenizer tokenizer = new TokenizerFile().Load();

        Assert.Equal([0xEF, 0xBF, 0xBD, 'a', 0xEF, 0xBF, 0xBD], tokenizer.Encode("\uD83Da\uDE00"));
    }

    [Fact]
    public void IgnoreMergesTakesAWholePieceFromTheVocabulary()
    {
        Assert.Equal([' ', 'a'], new TokenizerFile(ignoreMerges: false).Load().Encode(" a"));
        Assert.Equal([259], new TokenizerFile(ignoreMerges: true).Load().Encode(" a"));
    }

    [Fact]
    public void SpecialTokensCanBeText()
    {
        Tokenizer tokenizer = new TokenizerFile().Load();

        Assert.Equal(['x', '<', 's', '>', 262], tokenizer.Encode("x<s>@@", specialTokensAsText: true));
    }

    [Fact]
    public void TextNeverBecomesASpecialTokenThatIsAWholePiece()
    {
        // "PAD" is one piece, in the vocabulary and special; ignore_merges alone would make it the special token.
        Tokenizer tokenizer = new TokenizerFile(ignoreMerges: true)
            .With("model/vocab/PAD", "260").With("added_tokens/0/content", "\"PAD\"").With("added_tokens/1/content", "\"<eos>\"").Load();

        Assert.Equal([260], tokenizer.Encode("PAD"));
        Assert.Equal(['P', 'A', 'D'], tokenizer.Encode("PAD", specialTokensAsText: true));
    }

    [Fact]
    public void NormalizedAddedTokensAreFoundAfterTheOthers()
    {
        // "<s>@" starts first, but is only looked for in what <s> leaves.
        Tokenizer tokenizer = new TokenizerFile().With("added_tokens/2/content", "\"<s>@\"").With("added_tokens/2/normalized", "true").Load();
        Assert.Equal([260, '@'], tokenizer.Encode("<s>@"));

        Tokenizer together = new TokenizerFile().With("added_tokens/2/content", "\"<s>@\"").Load();
        Assert.Equal([262], together.Encode("<s>@"));
    }

    [Fact]
    public void AddPrefixSpaceActsOnEachRunOfText()
    {
        Tokenizer tokenizer = new TokenizerFile(ignoreMerges: true).With("pre_tokenizer/add_prefix_space", "true").Load();

        Assert.Equal([259, 260, 259, 260], tokenizer.Encode("a<s> a<s>"));
        Assert.Empty(tokenizer.Encode(""));
    }

    [Fact]
    public void PiecesAreNotMergedAcrossThePattern()
    {
        Tokenizer tokenizer = new TokenizerFile().With("pre_tokenizer", TokenizerFile.Llama3PreTokenizer)
            .With("model/vocab/34", "263").With("model/merges/2", "\"3 4\"").Load();

        Assert.Equal(['1', '2', '3', '4'], tokenizer.Encode("1234")); // 123|4
        Assert.Equal(['2', 263], tokenizer.Encode("234"));
    }

    [Fact]
    public void MergesMayBePairs() =>
        Assert.Equal([258], new TokenizerFile().With("model/merges", """["#version: 0.2", ["a", "b"], ["b", "c"], ["ab", "c"]]""").Load().Encode("abc"));

    [Fact]
    public void TheTemplatePutsIdsBeforeAndAfter()
    {
        const string Template = """
            {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true}, {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "B", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "E", "type_id": 0}}],
             "pair": [], "special_tokens": {"B": {"id": "B", "ids": [260], "tokens": ["<s>"]}, "E": {"id": "E", "ids": [261], "tokens": ["<s><s>"]}}}]}
            """;
        Tokenizer tokenizer = new TokenizerFile().With("post_processor", Template).Load();

        Assert.Equal([260, 258, 261], tokenizer.EncodeWithTemplate("abc"));
        Assert.Equal([258], tokenizer.Encode("abc"));
        Assert.Equal(260, tokenizer.BeginOfText);
        Assert.Equal([258], new TokenizerFile().Load().EncodeWithTemplate("abc"));
    }

    [Fact]
    public void DecodesTokensAndLeavesOutSpecialOnesOnRequest()
    {
        Tokenizer tokenizer = new TokenizerFile().With("added_tokens/2/content", "\"é世\"").Load();

        Assert.Equal("<s> aé世abc", tokenizer.Decode([260, 259, 262, 258]));
        Assert.Equal(" aé世abc", tokenizer.Decode([260, 259, 262, 258], skipSpecialTokens: true));
        Assert.Equal("a\uFFFD", tokenizer.Decode(['a', 0xC3]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(263)]
    [InlineData(299)] // a hole below the highest id
    [InlineData(int.MaxValue)]
    public void DecodingAnIdThatNoTokenHasIsAnError(int id)
    {
        Tokenizer tokenizer = new TokenizerFile().With("added_tokens/1/id", "300").Load();
        Assert.Equal(301, tokenizer.VocabularySize);

        HybridException error = Assert.Throws<HybridException>(() => tokenizer.Decode([id]));
        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains($"no token has the id {id}", error.Message);
    }

    [Fact]
    public void AByteWithoutATokenIsAnErrorWhereItIsNeeded()
    {
        Tokenizer tokenizer = new TokenizerFile().With("model/vocab/q", null).Load();

        Assert.Equal(['r'], tokenizer.Encode("r"));
        Assert.Contains("0x71", Assert.Throws<HybridException>(() => tokenizer.Encode("q")).Message);
    }

    [Fact]
    public void LooksUpTokens()
    {
        Tokenizer tokenizer = new TokenizerFile().Load();

        Assert.Equal((260, 259, null), (tokenizer.TokenId("<s>"), tokenizer.TokenId("Ġa"), tokenizer.TokenId("nothing")));
        Assert.Equal((true, false, false), (tokenizer.IsSpecial(260), tokenizer.IsSpecial(262), tokenizer.IsSpecial('a')));
        Assert.Equal((null, null), (tokenizer.BeginOfText, tokenizer.EndOfText));
    }

    [Fact]
    public void LongRunsDoNotStall()
    {
        // A quadratic merge over this takes minutes.
        int[] ids = new TokenizerFile().Load().Encode(string.Concat(Enumerable.Repeat("abc", 200_000)));

        Assert.Equal(200_000, ids.Length);
        Assert.All(ids, id => Assert.Equal(258, id));
    }

    [Fact]
    public void EncodesTheSameFromManyThreads()
    {
        Tokenizer tokenizer = new TokenizerFile().Load();
        string[] texts = [.. Enumerable.Range(0, 2000).Select(i => $"abc {i % 97} aab{i}")];
        int[][] expected = [.. texts.Select(text => new TokenizerFile().Load().Encode(text)).Take(50)];

        int[][] actual = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => actual[i] = tokenizer.Encode(texts[i]));

        Assert.Equal(expected, actual.Take(50));
        Assert.Equal(texts, actual.Select(ids => tokenizer.Decode(ids)));
    }

    [Fact]
    public void SavesWhatItLoaded()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("tokenizer.json");
        File.WriteAllText(path, "old");
        new TokenizerFile().Load().Save(path);

        Assert.Equal(new TokenizerFile().Json, File.ReadAllText(path));
        Assert.Equal([258, 260], Tokenizer.Load(path).Encode("abc<s>"));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void AFileThatCannotBeReadOrWrittenIsAnError()
    {
        using TemporaryFolder folder = new();
        HybridException reading = Assert.Throws<HybridException>(() => Tokenizer.Load(folder.File("none.json")));
        HybridException writing = Assert.Throws<HybridException>(() => new TokenizerFile().Load().Save(folder.File("none/tokenizer.json")));

        Assert.Equal((ErrorKind.Io, ErrorKind.Io), (reading.Kind, writing.Kind));
        Assert.Contains("none.json", reading.Message);
        Assert.Contains("none/tokenizer.json", writing.Message);
    }
}
