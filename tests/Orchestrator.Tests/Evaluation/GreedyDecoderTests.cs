using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class GreedyDecoderTests : IDisposable
{
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["a b c d"], 262, BpeLearner.Llama3SpecialTokens);
    private static readonly ExampleEncoder Encoder = new(Tokenizer, 60);
    private static readonly TokenSequence[] Prompts = [.. new[] { "a", "Where was it?", "b c", "who", "1 2 3 4 5 6 7 8" }.Select(Encoder.EncodePrompt)];

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize), 3);

    public void Dispose() => model.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    public void EveryTokenIsTheLargestLogitWhateverTheBatch(int batchSize)
    {
        IReadOnlyList<string> texts = Decoder(12, batchSize).Continue(model, Prompts);

        Assert.Equal(Prompts.Select(prompt => Text(Plain(prompt, 12))), texts);
        Assert.True(texts.Distinct().Count() > 2, string.Join('|', texts));
    }

    [Fact]
    public void ItStopsAtAStopTextAndCutsItAway()
    {
        string whole = Text(Plain(Prompts[1], 12));
        string stop = whole[5..7];

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], Decoder(12, 4, stop).Continue(model, Prompts)[1]);
        // Of several the first in the text counts, not the first in the list.
        Assert.Equal(whole[..whole.IndexOf(whole[3..5], StringComparison.Ordinal)], Decoder(12, 4, stop, whole[3..5]).Continue(model, Prompts)[1]);
        Assert.Equal(string.Empty, Decoder(12, 4, whole[..1]).Continue(model, Prompts)[1]);
    }

    [Fact]
    public void ItStopsAtEndOfText()
    {
        // The output matrix's rows of a decoded token and of end-of-text are exchanged.
        List<int> ids = Plain(Prompts[3], 12);
        int at = Enumerable.Range(1, ids.Count - 1).First(i => !ids[..i].Contains(ids[i]));
        int token = ids[at], end = Tokenizer.EndOfText!.Value;
        double[] head = model.Head.ToDoubles();
        int width = model.Config.HiddenSize;
        for (int i = 0; i < width; i++)
        {
            (head[(token * width) + i], head[(end * width) + i]) = (head[(end * width) + i], head[(token * width) + i]);
        }

        TestModels.Set(model, ParameterNames.Head, head);

        Assert.Equal(Text(ids[..at]), Decoder(12, 4).Continue(model, Prompts)[3]);
    }

    [Fact]
    public void ItStopsAtAStopTokenAndAfterAMatch()
    {
        List<int> ids = Plain(Prompts[3], 12);
        int at = Enumerable.Range(1, ids.Count - 1).First(i => !ids[..i].Contains(ids[i]));
        DecodingOptions options = new() { MaximumNewTokens = 12, StopTexts = [], BatchSize = 4 };

        Assert.Equal(Text(ids[..at]), new GreedyDecoder(Tokenizer, options with { StopTokenIds = [ids[at]] }).Continue(model, Prompts)[3]);
        Assert.Equal(string.Empty, new GreedyDecoder(Tokenizer, options with { StopTokenIds = [ids[at], ids[0]] }).Continue(model, Prompts)[3]);

        // The match stays, with all of the token that completes it.
        string whole = Text(Plain(Prompts[1], 12));
        var pattern = new Regex(Regex.Escape(whole[..5]));
        int tokens = Enumerable.Range(1, 12).First(count => pattern.IsMatch(Text(Plain(Prompts[1], count))));
        Assert.InRange(tokens, 1, 11);
        Assert.Equal(Text(Plain(Prompts[1], tokens)), new GreedyDecoder(Tokenizer, options with { StopAfter = pattern }).Continue(model, Prompts)[1]);
    }

    [Fact]
    public void ItStopsAtTheModelsLastPosition()
    {
        TokenSequence prompt = Encoder.EncodePrompt(new string('x', 200)); // cut to 60 tokens of 64

        Assert.Equal(60, prompt.Ids.Length);
        Assert.Equal(Text(Plain(prompt, 4)), Decoder(50, 4).Continue(model, [prompt])[0]);
    }

    [Fact]
    public void RowsThatNoTokenHasAreNotDecoded()
    {
        int vocabulary = Tokenizer.VocabularySize;
        using LlamaModel padded = TestModels.Make(model.Config with { VocabularySize = vocabulary + 3 }, 3);
        foreach (string name in model.Names.Where(name => name is not (ParameterNames.Embedding or ParameterNames.Head)))
        {
            TestModels.Set(padded, name, model[name].ToDoubles());
        }

        TestModels.Set(padded, ParameterNames.Embedding, [.. model[ParameterNames.Embedding].ToDoubles(), .. new double[3 * 8]]);
        // The likeliest first token's row, much longer: it would win.
        int best = Plain(Prompts[0], 1)[0];
        double[] longer = [.. model.Head.ToDoubles()[(8 * best)..(8 * (best + 1))].Select(value => 50 * value)];
        TestModels.Set(padded, ParameterNames.Head, [.. model.Head.ToDoubles(), .. longer, .. longer, .. longer]);

        Assert.Equal(Decoder(5, 4).Continue(model, Prompts), Decoder(5, 4).Continue(padded, Prompts));
    }

    [Fact]
    public void ABrokenModelACancellationAndNonsenseAreErrors()
    {
        Assert.Throws<OperationCanceledException>(() => Decoder(5, 4).Continue(model, Prompts, new CancellationToken(canceled: true)));
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);
        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => Decoder(5, 4).Continue(model, Prompts)).Kind);
        Assert.Equal(2, new DecodingOptions { MaximumNewTokens = 0, BatchSize = 1, StopTexts = [""] }.Validate().Count());
        Assert.Single(new DecodingOptions { MaximumNewTokens = 1, BatchSize = 1, StopTexts = [], StopTokenIds = [3, -1] }.Validate());
        Assert.Empty(new DecodingOptions { MaximumNewTokens = 1, BatchSize = 1, StopTexts = [] }.Validate());
    }

    private static GreedyDecoder Decoder(int tokens, int batchSize, params string[] stops) =>
        new(Tokenizer, new DecodingOptions { MaximumNewTokens = tokens, StopTexts = stops, BatchSize = batchSize });

    private static string Text(IEnumerable<int> ids) => Tokenizer.Decode([.. ids], skipSpecialTokens: true);

    /// <summary>One prompt alone, all logits of every step.</summary>
    private List<int> Plain(TokenSequence prompt, int tokens)
    {
        List<long> ids = [.. prompt.Ids.Span];
        var decoded = new List<int>();
        while (decoded.Count < tokens)
        {
            double[] last = TestModels.Logits(model, new TokenSequence(ids.ToArray(), 1))[^Tokenizer.VocabularySize..];
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
