using System.Text;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>Every way a tokenizer.json can be refused: one line, which names the file and the key.</summary>
public sealed class TokenizerErrorsTests
{
    [Fact]
    public void RefusesTemplatesThatMultiply()
    {
        string Template(int pieces, int ids)
        {
            string before = string.Concat(Enumerable.Repeat("{\"SpecialToken\": {\"id\": \"x\"}}, ", pieces - 1));
            string numbers = string.Join(", ", Enumerable.Repeat("260", ids)), tokens = string.Join(", ", Enumerable.Repeat("\"<s>\"", ids));
            return "{\"type\": \"TemplateProcessing\", \"single\": [" + before + "{\"Sequence\": {\"id\": \"A\"}}], \"special_tokens\": {\"x\": {\"ids\": [" + numbers + "], \"tokens\": [" + tokens + "]}}}";
        }

        AssertRefused(new TokenizerFile().With("post_processor", Template(65, 1)).Json, "post_processor: single: expected at most 64 pieces, got 65");
        AssertRefused(new TokenizerFile().With("post_processor", Template(2, 65)).Json, "special_tokens: \"x\": expected at most 64 ids, got 65");
        Assert.Equal(63 * 64, new TokenizerFile().With("post_processor", Template(64, 64)).Load().EncodeWithTemplate(string.Empty).Length);
    }

    [Fact]
    public void RefusesBytesThatAreNotUtf8EvenWhereTheyWouldBeQuoted()
    {
        byte[] json = Encoding.UTF8.GetBytes(new TokenizerFile().With("version", "\"@@@@\"").Json);
        json[json.AsSpan().IndexOf("@@@@"u8)] = 0xFF;

        HybridException error = Assert.Throws<HybridException>(() => Tokenizer.FromJson("tokenizer.json", json));
        Assert.Equal((ErrorKind.Tokenizer, "tokenizer.json: expected UTF-8 throughout."), (error.Kind, error.Message));
    }

    [Theory]
    [InlineData("version", "\"2.0\"", "version: expected \"1.0\", got \"2.0\"")]
    [InlineData("truncation", "{}", "truncation: expected null, since this feature is not implemented")]
    [InlineData("padding", "{}", "padding: expected null")]
    [InlineData("normalizer", "{\"type\": \"NFC\"}", "normalizer: expected null")]
    [InlineData("surprise", "1", "unknown key \"surprise\"")]
    [InlineData("decoder", "null", "decoder: expected an object, got nothing")]
    [InlineData("decoder/type", "\"WordPiece\"", "decoder.type: expected \"ByteLevel\", got \"WordPiece\"")]
    [InlineData("pre_tokenizer", "null", "pre_tokenizer: expected ByteLevel")]
    [InlineData("pre_tokenizer/type", "\"Whitespace\"", "pre_tokenizer: expected ByteLevel, or a Sequence of Split and ByteLevel, got \"Whitespace\"")]
    [InlineData("pre_tokenizer/use_regex", "false", "pre_tokenizer.use_regex: expected true")]
    [InlineData("pre_tokenizer/add_prefix_space", "1", "add_prefix_space: expected true or false, got 1")]
    [InlineData("post_processor", "{\"type\": \"BertProcessing\"}", "post_processor.type: expected ByteLevel, TemplateProcessing")]
    [InlineData("model", "[]", "model: expected an object, got an array")]
    [InlineData("model/type", "\"Unigram\"", "model.type: expected \"BPE\", got \"Unigram\"")]
    [InlineData("model/dropout", "0.1", "model.dropout: expected null")]
    [InlineData("model/unk_token", "\"<s>\"", "model.unk_token: expected null")]
    [InlineData("model/continuing_subword_prefix", "\"##\"", "continuing_subword_prefix: expected null")]
    [InlineData("model/end_of_word_suffix", "\"</w>\"", "end_of_word_suffix: expected null")]
    [InlineData("model/fuse_unk", "true", "fuse_unk: expected null")]
    [InlineData("model/byte_fallback", "true", "byte_fallback: expected null")]
    [InlineData("model/ignore_merges", "\"yes\"", "ignore_merges: expected true or false")]
    [InlineData("model/novelty", "1", "model: unknown key \"novelty\"")]
    [InlineData("model/vocab", "{}", "model.vocab: expected an object of tokens and ids")]
    [InlineData("model/vocab/ab", "-1", "an id from 0 to 1048575 for a token that is not empty, got \"ab\": -1")]
    [InlineData("model/vocab/ab", "1048576", "got \"ab\": 1048576")]
    [InlineData("model/vocab/ab", "1.5", "got \"ab\": 1.5")]
    [InlineData("model/vocab/ab", "97", "the id 97 belongs to \"a\" and to \"ab\"")]
    [InlineData("model/vocab/zz", "260", "the id 260 belongs to \"zz\" and to the added token \"<s>\"")]
    [InlineData("model/vocab/@@", "270", "the added token \"@@\" has id 270 here and 262")]
    [InlineData("model/merges", "{}", "model.merges: expected an array")]
    [InlineData("model/merges/1", "\"bc\"", "merges[1]: expected \"left right\"")]
    [InlineData("model/merges/1", "\"b c d\"", "merges[1]: expected \"left right\"")]
    [InlineData("model/merges/1", "[\"b\"]", "merges[1]: expected \"left right\"")]
    [InlineData("model/merges/1", "7", "merges[1]: expected \"left right\"")]
    [InlineData("model/merges/1", "\"b d\"", "merges[1]: expected tokens of the vocabulary, but \"bd\" is not in it")]
    [InlineData("model/merges/1", "\"a b\"", "merges[1]: the pair \"a b\" making \"ab\" is there twice")]
    [InlineData("added_tokens", "{}", "added_tokens: expected an array")]
    [InlineData("added_tokens/0/id", "-3", "added_tokens[0].id: expected an id from 0")]
    [InlineData("added_tokens/1/id", "260", "added_tokens[1].id: expected an id that no earlier added token has")]
    [InlineData("added_tokens/1/content", "\"<s>\"", "added_tokens[1].content: expected a text that no earlier")]
    [InlineData("added_tokens/0/content", "\"\"", "added_tokens[0].content: expected at least one character")]
    [InlineData("added_tokens/0/content", "5", "added_tokens[0].content: expected a string, got 5")]
    [InlineData("added_tokens/0/single_word", "true", "added_tokens[0].single_word: expected false")]
    [InlineData("added_tokens/0/lstrip", "true", "added_tokens[0].lstrip: expected false")]
    [InlineData("added_tokens/0/rstrip", "true", "added_tokens[0].rstrip: expected false")]
    [InlineData("added_tokens/0/novelty", "true", "added_tokens[0]: unknown key \"novelty\"")]
    public void RefusesAWrongValue(string path, string json, string message) => AssertRefused(new TokenizerFile().With(path, json).Json, message);

    [Theory]
    [InlineData("pattern/Regex", "\"\\\\w+\"", "unknown Regex \"\\\\w+\"; expected exactly the pattern of Llama 3 or of GPT-2")]
    [InlineData("pattern", "{\"String\": \" \"}", "pattern: unknown key \"String\"")]
    [InlineData("behavior", "\"Removed\"", "behavior: expected \"Isolated\", got \"Removed\"")]
    [InlineData("invert", "true", "invert: expected false")]
    [InlineData("type", "\"Digits\"", "type: expected \"Split\", got \"Digits\"")]
    public void RefusesAWrongSplit(string path, string json, string message) => AssertRefused(
        new TokenizerFile().With("pre_tokenizer", TokenizerFile.Llama3PreTokenizer).With($"pre_tokenizer/pretokenizers/0/{path}", json).Json, message);

    [Theory]
    [InlineData("1/add_prefix_space", "true", "add_prefix_space: expected false after a Split")]
    [InlineData("1/use_regex", "true", "use_regex: expected false after a Split")]
    public void RefusesAWrongByteLevelAfterASplit(string path, string json, string message) => AssertRefused(
        new TokenizerFile().With("pre_tokenizer", TokenizerFile.Llama3PreTokenizer).With($"pre_tokenizer/pretokenizers/{path}", json).Json, message);

    [Theory]
    [InlineData("{\"ids\": [259], \"tokens\": [\"<s>\"]}", "expected the id of the token \"<s>\" (260), got 259")]
    [InlineData("{\"ids\": [260], \"tokens\": [\"<x>\"]}", "(it has none), got 260")]
    [InlineData("{\"ids\": [260, 261], \"tokens\": [\"<s>\"]}", "expected an entry with ids and as many tokens")]
    [InlineData("5", "expected an entry with ids and as many tokens")]
    public void RefusesAWrongTemplate(string entry, string message) => AssertRefused(
        new TokenizerFile().With(
            "post_processor",
            $$$"""{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "B"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"B": {{{entry}}}}}""").Json,
        message);

    [Theory]
    [InlineData("[]")]
    [InlineData("[{\"Sequence\": {\"id\": \"A\"}}, {\"Sequence\": {\"id\": \"A\"}}]")]
    public void RefusesATemplateWithoutOneSequence(string single) => AssertRefused(
        new TokenizerFile().With("post_processor", $$"""{"type": "TemplateProcessing", "single": {{single}}}""").Json, "expected the sequence A once");

    [Fact]
    public void RefusesSpecialTokensThatTextCouldBecome()
    {
        AssertRefused(
            new TokenizerFile().With("added_tokens/0/id", "258").With("added_tokens/0/content", "\"abc\"").Json,
            "merges[2]: the result \"abc\" is a special token");
        AssertRefused(
            new TokenizerFile().With("added_tokens/0/id", "122").With("added_tokens/0/content", "\"z\"").Json,
            "the token \"z\" of a byte is also a special token");
    }

    [Theory]
    [InlineData("", "expected valid JSON")]
    [InlineData("{\"version\": \"1.0\",\n", "expected valid JSON")]
    [InlineData("[]", "expected an object, got an array")]
    [InlineData("{\"version\": \"1.0\", \"version\": \"1.0\"}", "expected valid JSON")]
    [InlineData("{\"\\uD800\": 1}", "tokenizer.json: ")]
    public void RefusesWhatIsNotAJsonObject(string json, string message) => AssertRefused(json, message);

    [Theory]
    [InlineData("\"ab\":256", "\"ab\":256,\"ab\":300", "expected valid JSON")]
    [InlineData("\"ab\":256", "\"a\\uD800b\":256", "unpaired surrogate")]
    [InlineData("\"content\":\"@@\"", "\"content\":\"\\uDC00\"", "unpaired surrogate")]
    public void RefusesDuplicateKeysAndBrokenText(string old, string replacement, string message)
    {
        string json = new TokenizerFile().Json;
        Assert.Contains(old, json);
        AssertRefused(json.Replace(old, replacement, StringComparison.Ordinal), message);
    }

    private static void AssertRefused(string json, string message)
    {
        HybridException error = Assert.Throws<HybridException>(() => Tokenizer.FromJson("tokenizer.json", Encoding.UTF8.GetBytes(json)));

        Assert.Equal(ErrorKind.Tokenizer, error.Kind);
        Assert.StartsWith("tokenizer.json: ", error.Message);
        Assert.Contains(message, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
