using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>When decoding ends, besides at the tokenizer's end-of-text and at the model's last position.</summary>
internal sealed record DecodingOptions
{
    /// <summary>Tokens decoded at most.</summary>
    public required int MaximumNewTokens { get; init; }

    /// <summary>Texts at which decoding stops; the first of them and what follows it are cut away.</summary>
    public required IReadOnlyList<string> StopTexts { get; init; }

    /// <summary>Tokens at which decoding stops besides the tokenizer's end-of-text; they are not part of the text.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Decoding stops once the text matches; unlike a stop text, the match stays. Null: nothing but the rest stops it.</summary>
    public Regex? StopAfter { get; init; }

    /// <summary>Prompts a forward pass.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaximumNewTokens < 1 || BatchSize < 1)
        {
            yield return Invariant($"maximum new tokens {MaximumNewTokens} and batch size {BatchSize} must be at least 1");
        }

        if (StopTexts.Any(text => text.Length == 0))
        {
            yield return "a stop text must not be empty";
        }

        if (StopTokenIds.Any(id => id < 0))
        {
            yield return "a stop token's id must not be negative";
        }
    }
}

/// <summary>Continues prompts by the likeliest token each time: a <see cref="Generator"/> without chance, of which only the texts are asked.</summary>
internal sealed class GreedyDecoder(Tokenizer tokenizer, DecodingOptions options)
{
    private readonly Generator generator = new(tokenizer, options, SamplingOptions.Greedy);

    /// <summary>Continues every prompt.</summary>
    /// <returns>The decoded texts, in the prompts' order, without prompt and special tokens, cut at the first stop text.</returns>
    /// <exception cref="HybridException">As for <see cref="Generator.Generate"/>.</exception>
    public IReadOnlyList<string> Continue(LlamaModel model, IReadOnlyList<TokenSequence> prompts, CancellationToken cancellation = default) =>
        [.. generator.Generate(model, prompts, cancellation).Select(completion => completion.Text)];
}
