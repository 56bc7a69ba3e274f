using System.Text.RegularExpressions;
using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class GeneratorTests : IDisposable
{
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["a b c d"], 262, BpeLearner.Llama3SpecialTokens);
    private static readonly ExampleEncoder Encoder = new(Tokenizer, 60);
    private static readonly TokenSequence[] Prompts = Encode("a", "Where was it?", "b c", "who", "1 2 3 4 5 6 7 8");

    private static readonly DecodingOptions Decoding = new() { MaximumNewTokens = 20, StopTexts = [], BatchSize = 3 };
    private static readonly SamplingOptions Sampling = new() { Temperature = 1.5, TopP = 0.95, Seed = 6 };

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize), 3);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(ElementType.Float64)]
    [InlineData(ElementType.Float32)]
    public void GreedyIsTheLargestLogitOfTheWholeTextEachTime(ElementType type)
    {
        using LlamaModel typed = model.Clone(type, Device.Cpu);

        IReadOnlyList<Completion> completions = new Generator(Tokenizer, Decoding, SamplingOptions.Greedy).Generate(typed, Prompts);

        Assert.Equal(Prompts.Select(prompt => Plain(typed, prompt, 20)), completions.Select(completion => completion.Tokens));
    }

    [Fact]
    public void WhatAllPromptsBeginWithIsReadOnceAndChangesNothing()
    {
        string shots = new('x', 20);
        TokenSequence[] prompts = Encode($"{shots} a", $"{shots} bcd", $"{shots}", $"{shots} 1");

        IReadOnlyList<Completion> completions = new Generator(Tokenizer, Decoding, SamplingOptions.Greedy).Generate(model, prompts);

        Assert.Equal(prompts.Select(prompt => Plain(model, prompt, 20)), completions.Select(completion => completion.Tokens));
        TokenSequence[] equal = Encode(shots, shots); // each has to have a token of its own
        Assert.Equal(equal.Select(prompt => Plain(model, prompt, 20)), new Generator(Tokenizer, Decoding, SamplingOptions.Greedy).Generate(model, equal).Select(completion => completion.Tokens));
    }

    [Fact]
    public void EqualSeedsGiveEqualTextsWhateverTheBatch()
    {
        string[] texts = Texts(Sampling, 3);

        Assert.Equal(texts, Texts(Sampling, 3));
        Assert.Equal(texts, Texts(Sampling, 1));
        Assert.Equal(texts, Texts(Sampling, 100));
        Assert.NotEqual(texts, Texts(Sampling with { Seed = 7 }, 3));
        Assert.Equal(texts[0], new Generator(Tokenizer, Decoding, Sampling).Generate(model, Prompts[..1])[0].Text);
        TokenSequence[] twice = [Prompts[0], Prompts[0]];
        Assert.Equal(2, new Generator(Tokenizer, Decoding, Sampling).Generate(model, twice).Select(completion => completion.Text).Distinct().Count());
    }

    [Fact]
    public void TemperatureNearZeroIsGreedy() =>
        Assert.Equal(Texts(SamplingOptions.Greedy, 3), Texts(new SamplingOptions { Temperature = 1e-9, TopP = 0.5, Seed = 3 }, 3));

    [Fact]
    public void StreamedPiecesAreTheText()
    {
        var pieces = new List<string>();
        DecodingOptions stops = Decoding with { StopTexts = ["no such text", "\u00e9"] };

        Completion streamed = new Generator(Tokenizer, stops, Sampling).Stream(model, Prompts[1], pieces.Add);

        Completion whole = new Generator(Tokenizer, stops, Sampling).Generate(model, [Prompts[1]])[0];
        Assert.Equal((whole.Text, whole.StopReason), (streamed.Text, streamed.StopReason));
        Assert.Equal(whole.Text, string.Concat(pieces));
        Assert.True(pieces.Count > 3, string.Join('|', pieces));
    }

    [Fact]
    public void WhatMayBecomeAStopTextIsHeldBack()
    {
        var pieces = new List<string>();
        OpenText text = Open(new DecodingOptions { MaximumNewTokens = 20, StopTexts = ["--end"], BatchSize = 1 }, pieces.Add);

        foreach (string next in new[] { "a", "-", "-", "b", "-", "-", "e", "n", "d" })
        {
            Assert.Null(text.Completion);
            text.Append(Tokenizer.Encode(next)[0]);
        }

        Assert.Equal(["a", "--b"], pieces);
        Assert.Equal(("a--b", StopReason.StopText), (text.Completion!.Text, text.Completion.StopReason));
        Assert.Equal(9, text.Completion.Tokens.Count);
    }

    [Fact]
    public void TheTextIsThatOfAllTokensTogether()
    {
        int[] bytes = [.. Tokenizer.Encode("aé€😀b"), .. Enumerable.Repeat(Tokenizer.Encode("é"), 3).SelectMany(two => two.Reverse()), .. Tokenizer.Encode("c")];
        OpenText text = Open(new DecodingOptions { MaximumNewTokens = bytes.Length, StopTexts = [], BatchSize = 1 }, _ => { });

        foreach (int id in bytes)
        {
            text.Append(id);
        }

        Assert.Contains("aé€😀b\uFFFD", text.Completion!.Text, StringComparison.Ordinal);
        Assert.Equal(Tokenizer.Decode(bytes), text.Completion.Text);
    }

    [Fact]
    public void ACharacterIsToldWhenItIsComplete()
    {
        var pieces = new List<string>();
        OpenText text = Open(new DecodingOptions { MaximumNewTokens = 3, StopTexts = [], BatchSize = 1 }, pieces.Add);
        int[] bytes = Tokenizer.Encode("é");

        Assert.Equal(2, bytes.Length);
        text.Append(bytes[0]);
        Assert.Empty(pieces);
        text.Append(bytes[1]);
        text.Append(bytes[0]); // the last token: what is left of it is told as it is

        Assert.Equal(["é", "\uFFFD"], pieces);
        Assert.Equal(StopReason.MaximumTokens, text.Completion!.StopReason);
    }

    [Fact]
    public void EveryReasonToStop()
    {
        List<int> plain = Plain(model, Prompts[1], 20);
        string whole = Tokenizer.Decode([.. plain], skipSpecialTokens: true);
        int at = plain.IndexOf(plain[5]);

        Assert.Equal((whole, StopReason.MaximumTokens), Stopped(Decoding, Prompts[1]));
        Assert.Equal((Tokenizer.Decode([.. plain[..at]], skipSpecialTokens: true), StopReason.StopToken), Stopped(Decoding with { StopTokenIds = [plain[5]] }, Prompts[1]));
        Assert.Equal((whole[..whole.IndexOf(whole[4..6], StringComparison.Ordinal)], StopReason.StopText), Stopped(Decoding with { StopTexts = [whole[4..6]] }, Prompts[1]));
        (string matched, StopReason reason) = Stopped(Decoding with { StopAfter = new Regex(Regex.Escape(whole[4..6])) }, Prompts[1]);
        Assert.Equal(StopReason.StopText, reason);
        Assert.EndsWith(whole[4..6], matched, StringComparison.Ordinal);
        TokenSequence last = new(Enumerable.Repeat(70L, 62).ToArray(), []);
        Assert.Equal((Tokenizer.Decode([.. Plain(model, last, 2)], skipSpecialTokens: true), StopReason.LastPosition), Stopped(Decoding, last));
    }

    [Fact]
    public void BFloat16Generates()
    {
        using LlamaModel narrow = model.Clone(ElementType.BFloat16, Device.Cpu);

        IReadOnlyList<Completion> completions = new Generator(Tokenizer, Decoding, Sampling).Generate(narrow, Prompts);

        Assert.All(completions, completion => Assert.Equal(20, completion.Tokens.Count));
        Assert.Equal(completions.Select(completion => completion.Text), new Generator(Tokenizer, Decoding, Sampling).Generate(narrow, Prompts).Select(completion => completion.Text));
    }

    [Fact]
    public void NonsenseIsAnErrorBeforeAnyWork()
    {
        TokenSequence tooLong = new(Enumerable.Repeat(70L, 65).ToArray(), []);

        Error(ErrorKind.Config, "prompt 2 of 2 has 65 tokens, the model has 64 positions", Decoding, Sampling, Prompts[0], tooLong);
        Error(ErrorKind.Config, "generation: top-p 2 must be above 0 and at most 1", Decoding, Sampling with { TopP = 2 }, Prompts);
        Error(ErrorKind.Config, "generation: a stop text must not be empty", Decoding with { StopTexts = [""] }, Sampling, Prompts);
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);
        Error(ErrorKind.Diverged, "the model decodes with logits that are not numbers", Decoding, Sampling, Prompts);
    }

    private static TokenSequence[] Encode(params string[] texts) => [.. texts.Select(Encoder.EncodePrompt)];

    private static OpenText Open(DecodingOptions options, Action<string> onText) => new(Tokenizer, options, 100, new SeededRandom(1), onText);

    private void Error(ErrorKind kind, string message, DecodingOptions decoding, SamplingOptions sampling, params TokenSequence[] prompts)
    {
        HybridException error = Assert.Throws<HybridException>(() => new Generator(Tokenizer, decoding, sampling).Generate(model, prompts));
        Assert.Equal((kind, message), (error.Kind, error.Message));
    }

    private (string Text, StopReason Reason) Stopped(DecodingOptions options, TokenSequence prompt)
    {
        Completion completion = new Generator(Tokenizer, options, SamplingOptions.Greedy).Generate(model, [prompt])[0];
        return (completion.Text, completion.StopReason);
    }

    private string[] Texts(SamplingOptions sampling, int batchSize) =>
        [.. new Generator(Tokenizer, Decoding with { BatchSize = batchSize }, sampling).Generate(model, Prompts).Select(completion => completion.Text)];

    /// <summary>One prompt alone, everything computed anew for each token.</summary>
    private static List<int> Plain(LlamaModel model, TokenSequence prompt, int tokens)
    {
        List<long> ids = [.. prompt.Ids.Span];
        var decoded = new List<int>();
        while (decoded.Count < tokens)
        {
            double[] last = TestModels.Logits(model, new TokenSequence(ids.ToArray(), []))[^Tokenizer.VocabularySize..];
            int next = Array.IndexOf(last, last.Max());
            if (next == Tokenizer.EndOfText)
            {
                break;
            }

            decoded.Add(next);
            ids.Add(next);
        }

        return decoded;
    }
}
