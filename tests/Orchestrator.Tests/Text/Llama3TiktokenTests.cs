using System.Text.Json;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Data;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>A folder with Llama 3's tokenizer.model: on the real vocabulary against its tokenizer.json, and on one of that size made here.</summary>
[LeakLedger]
public sealed class Llama3TiktokenTests : IDisposable
{
    private const string Json = "data/llama3-tokenizer/tokenizer.json";
    private const string Vectors = "data/llama3-tokenizer/vectors.jsonl";
    private static readonly Lazy<byte[]> Made = new(() => TiktokenText.Of(TiktokenText.OfLlama3sSize()));

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [SharedDataFact(Json)]
    public void TheRealVocabularyGivesWhatItsTokenizerJsonGives()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(SharedData.Find(Json)!));
        JsonElement model = json.RootElement.GetProperty("model");
        string[] tokens = [.. model.GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32()).Select(entry => entry.Name)];
        File.WriteAllBytes(folder.File("tokenizer.model"), TiktokenText.Of(tokens));
        folder.Write("special_tokens_map.json", "{\"pad_token\": {\"content\": \"<|finetune_right_pad_id|>\"}}");

        Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 128256));

        // The vectors, both ways.
        TokenizerVectors vectors = TokenizerVectors.Read(SharedData.Find(Vectors)!);
        TokenizerVectorReport report = vectors.Compare(tokenizer);
        Assert.Empty(report.Mismatches);
        Assert.Equal(198, report.Matched);
        Assert.All(vectors.Vectors, vector => Assert.Equal(vector.Text, tokenizer.Decode(tokenizer.Encode(vector.Text))));

        // The merges, one by one, and merging by rank without them.
        TiktokenRanks ranks = TiktokenRanks.Read("t", File.ReadAllBytes(folder.File("tokenizer.model")));
        Assert.Equal(model.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()), ranks.Merges().Select(merge => $"{merge.Left} {merge.Right}"));
        Dictionary<string, int> rankOf = tokens.Select((token, rank) => (token, rank)).ToDictionary(StringComparer.Ordinal);
        foreach (string piece in vectors.Vectors.SelectMany(vector => PreTokenizer.Split(PieceScanners.Llama3, vector.Text)))
        {
            string characters = string.Concat(System.Text.Encoding.UTF8.GetBytes(piece).Select(ByteAlphabet.ToChar));
            Assert.Equal(TiktokenText.Encode(rankOf, characters), tokenizer.Encode(piece, specialTokensAsText: true));
        }

        // The special tokens, and what is put before a text.
        JsonElement[] added = [.. json.RootElement.GetProperty("added_tokens").EnumerateArray()];
        Assert.Equal(256, added.Length);
        Assert.All(added, token => Assert.Equal(token.GetProperty("id").GetInt32(), tokenizer.TokenId(token.GetProperty("content").GetString()!)));
        Assert.All(added, token => Assert.True(tokenizer.IsSpecial(token.GetProperty("id").GetInt32())));
        Assert.Equal([128000, 9906, 1917], tokenizer.EncodeWithTemplate("Hello world"));

        // What is saved is a tokenizer.json that says the same, and that has precedence from then on.
        tokenizer.Save(folder.File("tokenizer.json"));
        File.WriteAllText(folder.File("tokenizer.model"), "not looked at");
        Assert.Empty(vectors.Compare(ModelFolder.LoadTokenizer(folder.Path)).Mismatches);
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData("{\"bos_token\": \"<|begin_of_text|>\", \"eos_token\": {\"content\": \"<|eot_id|>\"}}", null, false)]
    [InlineData("{\"pad_token\": \"<|finetune_right_pad_id|>\"}", null, true)]
    [InlineData("{\"additional_special_tokens\": [\"<|eom_id|>\"]}", null, true)]
    [InlineData("{\"additional_special_tokens\": [\"<|reserved_special_token_250|>\"]}", null, false)]
    [InlineData(null, "{\"added_tokens_decoder\": {\"128000\": {\"content\": \"<|begin_of_text|>\"}, \"128004\": {\"content\": \"<|finetune_right_pad_id|>\"}}}", true)]
    [InlineData(null, "{\"added_tokens_decoder\": {\"128005\": {\"content\": \"<|reserved_special_token_2|>\"}}}", true)]
    [InlineData(null, "{\"added_tokens_decoder\": {\"128005\": {\"content\": \"<|reserved_special_token_3|>\"}}}", false)]
    [InlineData(null, "{\"added_tokens_decoder\": null, \"bos_token\": \"x\"}", false)]
    public void TheFilesBesideItSayWhichSpecialTokensThereAre(string? map, string? config, bool is31)
    {
        Write(map, config);

        Assert.Same(is31 ? Llama3SpecialTokens.Version31 : Llama3SpecialTokens.Version30, Llama3SpecialTokens.Choose(folder.Path));
    }

    [Fact]
    public void TheSpecialTokensOf30AndOf31()
    {
        IReadOnlyList<string> old = Llama3SpecialTokens.Version30, later = Llama3SpecialTokens.Version31;

        Assert.Equal(
            "<|begin_of_text|> <|end_of_text|> <|reserved_special_token_0|> <|reserved_special_token_1|> <|reserved_special_token_2|> <|reserved_special_token_3|> <|start_header_id|> <|end_header_id|> <|reserved_special_token_4|> <|eot_id|> <|reserved_special_token_5|>",
            string.Join(' ', old.Take(11)));
        Assert.Equal(
            "<|begin_of_text|> <|end_of_text|> <|reserved_special_token_0|> <|reserved_special_token_1|> <|finetune_right_pad_id|> <|reserved_special_token_2|> <|start_header_id|> <|end_header_id|> <|eom_id|> <|eot_id|> <|python_tag|> <|reserved_special_token_3|>",
            string.Join(' ', later.Take(12)));
        Assert.Equal(("<|reserved_special_token_250|>", "<|reserved_special_token_247|>"), (old[255], later[255]));
        Assert.Equal((256, 256), (old.Distinct().Count(), later.Distinct().Count()));
    }

    [Fact]
    public void TheIdsFollowTheRanks()
    {
        File.WriteAllBytes(folder.File("tokenizer.model"), Made.Value);

        Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 128256));

        Assert.Equal((128256, 128000, 128001), (tokenizer.VocabularySize, tokenizer.BeginOfText, tokenizer.EndOfText));
        Assert.Equal((128009, 128255), (tokenizer.TokenId("<|eot_id|>"), tokenizer.TokenId("<|reserved_special_token_250|>")));
        Assert.Equal([256 + (97 * 256) + 98], tokenizer.Encode("ab"));
        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.LoadTokenizer(folder.Path, TestModels.Config(vocabulary: 1000)));
        Assert.Contains("tokenizer.model: 128256 tokens, the model has rows for 1000", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"pad_token\": \"[PAD]\"}", null, "special_tokens_map.json: pad_token: \"[PAD]\" does not stand there in Llama 3.0 or 3.1")]
    [InlineData("{\"pad_token\": 5}", null, "special_tokens_map.json: pad_token: expected a token's text or an object with its content, got 5")]
    [InlineData("{\"a\": [\"<|eom_id|>\", \"<|reserved_special_token_249|>\"]}", null, "special_tokens_map.json: a: \"<|reserved_special_token_249|>\" does not stand there")]
    [InlineData("{\"pad_token\": \"\\uD800\"}", null, "special_tokens_map.json: pad_token: expected valid Unicode text")]
    [InlineData("{\"\\uD800\": \"x\"}", null, "special_tokens_map.json: expected valid Unicode text")]
    [InlineData("{\"pad_token\": {\"\\uD800\": \"x\"}}", null, "special_tokens_map.json: pad_token: expected valid Unicode text")]
    [InlineData("[]", null, "special_tokens_map.json: expected a JSON object")]
    [InlineData("{\n", null, "special_tokens_map.json:2: not valid JSON")]
    [InlineData(null, "{\"added_tokens_decoder\": {\"128256\": {\"content\": \"[PAD]\"}}}", "tokenizer_config.json: added_tokens_decoder.128256: \"[PAD]\" does not stand there")]
    [InlineData(null, "{\"added_tokens_decoder\": {\"1\": {\"content\": \"<s>\"}}}", "added_tokens_decoder.1: \"<s>\" does not stand there")]
    [InlineData(null, "{\"added_tokens_decoder\": {\"one\": {\"content\": \"<s>\"}}}", "added_tokens_decoder.one: expected an id as the key")]
    [InlineData(null, "{\"added_tokens_decoder\": []}", "tokenizer_config.json: added_tokens_decoder: expected a JSON object")]
    public void FilesThatSayOtherwiseAreAnError(string? map, string? config, string message)
    {
        Write(map, config);

        HybridException error = Assert.Throws<HybridException>(() => Llama3SpecialTokens.Choose(folder.Path));

        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherModelsFileOrNoneIsAnError()
    {
        Assert.Contains(
            "tokenizer.json: no such file, and no tokenizer.model of Llama 3 in its place",
            Assert.Throws<HybridException>(() => ModelFolder.LoadTokenizer(folder.Path)).Message, StringComparison.Ordinal);

        File.WriteAllBytes(folder.File("tokenizer.model"), TiktokenText.Of(TiktokenText.Bytes("ab")));
        HybridException error = Assert.Throws<HybridException>(() => ModelFolder.LoadTokenizer(folder.Path));
        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.Contains("tokenizer.model: 257 tokens; expected Llama 3's 128000", error.Message, StringComparison.Ordinal);
    }

    private void Write(string? map, string? config)
    {
        foreach ((string name, string? text) in new[] { ("special_tokens_map.json", map), ("tokenizer_config.json", config) })
        {
            if (text is not null)
            {
                folder.Write(name, text);
            }
        }
    }
}
