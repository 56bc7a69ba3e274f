using System.Text;
using System.Text.Json;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Faults.Hostile;

/// <summary>A tokenizer's files: <c>tokenizer.json</c>, Llama 3's <c>tokenizer.model</c>, and what lies beside them.</summary>
internal static class TokenizerKinds
{
    private const string Text = "abc Äb\u0000 <s>12 \U0001F600";

    private const string Json = """
        {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
         "added_tokens": [{"id": 6, "content": "<s>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false},
                          {"id": 7, "content": "<|end_of_text|>", "special": true}, {"id": 8, "content": "@@", "special": false, "normalized": true}],
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
         "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
         "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
           "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}},
         "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
           "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "Ġ": 5}, "merges": ["a b", ["ab", "c"]]}}
        """;

    private const string Split = """
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": false},
           {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
         "decoder": {"type": "ByteLevel", "add_prefix_space": true}, "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel", "trim_offsets": false}]},
         "model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["#version: 0.2", "a b"]}}
        """;

    private const string Config = """
        {"added_tokens_decoder": {"128000": {"content": "<|begin_of_text|>", "special": true}, "128009": {"content": "<|eot_id|>"}, "128004": "<|finetune_right_pad_id|>"},
         "chat_template": "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{{ m.content }}<|eot_id|>{% endfor %}", "bos_token": "<|begin_of_text|>", "clean_up_tokenization_spaces": true}
        """;

    private const string Map = """{"bos_token": {"content": "<|begin_of_text|>", "lstrip": false}, "eos_token": "<|eot_id|>", "additional_special_tokens": ["<|python_tag|>", {"content": "<|eom_id|>"}]}""";

    private static Tokenizer Small { get; } = Tokenizer.FromJson("small", Bytes(Json));

    public static IReadOnlyList<ReaderKind> All { get; } =
    [
        new()
        {
            Name = "tokenizer-json",
            File = "tokenizer.json",
            Samples = [Bytes(Json), Llama3Split],
            Read = path => Use(Tokenizer.Load(path)),
        },
        new()
        {
            Name = "tokenizer-model",
            File = Llama3Tiktoken.FileName,
            Samples = [Ranks(["ab", "abc", "bc"], "\n"), Ranks([], "\r\n")],
            Read = path =>
            {
                TiktokenRanks ranks = TiktokenRanks.Read(path, Tokenizer.ReadFile(path));
                Use(Llama3Tiktoken.From(path, ranks, ["<s>", "<|end_of_text|>"]));
            },
        },
        new()
        {
            Name = "tokenizer-config",
            File = "tokenizer_config.json",
            Samples = [Bytes(Config), Bytes("""{"chat_template": "<|im_start|>user <|im_end|>"}"""), Bytes("""{"chat_template": null}""")],
            Read = path =>
            {
                _ = Llama3SpecialTokens.Choose(Path.GetDirectoryName(path)!).Count;
                ChatTemplateFile.Recognize(Path.GetDirectoryName(path)!, Small);
            },
        },
        new()
        {
            Name = "special-tokens-map",
            File = "special_tokens_map.json",
            Samples = [Bytes(Map)],
            Read = path => _ = Llama3SpecialTokens.Choose(Path.GetDirectoryName(path)!).Count,
        },
        new()
        {
            Name = "chat-template",
            File = "chat_template.jinja",
            Samples = [Bytes("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"), Bytes("<|user|> <|assistant|> {{ eos_token }}")],
            Read = path => ChatTemplateFile.Recognize(Path.GetDirectoryName(path)!, Small),
        },
    ];

    private static byte[] Llama3Split => Bytes(Split.Replace("PATTERN", JsonSerializer.Serialize(PieceScanners.Llama3Pattern), StringComparison.Ordinal));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The 256 bytes and some tokens more, as tiktoken writes them.</summary>
    private static byte[] Ranks(string[] more, string end) => Bytes(string.Concat(
        Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).Concat(more.Select(Bytes)).Select((token, rank) => $"{Convert.ToBase64String(token)} {rank}{end}")));

    /// <summary>What is accepted must encode and decode, or say which byte it has no token for.</summary>
    private static void Use(Tokenizer tokenizer)
    {
        try
        {
            tokenizer.Decode(tokenizer.Encode(Text));
            tokenizer.Decode(tokenizer.EncodeWithTemplate(Text, specialTokensAsText: true), skipSpecialTokens: true);
        }
        catch (HybridException error) when (error.Kind is ErrorKind.Tokenizer && error.Message.Contains("no token for the byte", StringComparison.Ordinal))
        {
            // About the text, so it names no file.
        }
    }
}
