using System.Text.RegularExpressions;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>When decoding ends, besides at the tokenizer's end-of-text and at the model's last position.</summary>
public sealed record DecodingOptions
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
            yield return $"maximum new tokens {MaximumNewTokens} and batch size {BatchSize} must be at least 1";
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

/// <summary>
/// Continues prompts by the likeliest token each time, several prompts in one forward pass. The whole prefix is computed again for every
/// token, which costs a small model and a short answer little; keys and values that are kept come later.
/// </summary>
public sealed class GreedyDecoder(Tokenizer tokenizer, DecodingOptions options)
{
    /// <summary>Continues every prompt.</summary>
    /// <returns>The decoded texts, in the prompts' order, without prompt and special tokens, cut at the first stop text.</returns>
    /// <exception cref="HybridException">Diverged: the logits are no numbers. Tokenizer: no token has the id that was decoded.</exception>
    public IReadOnlyList<string> Continue(LlamaModel model, IReadOnlyList<TokenSequence> prompts, CancellationToken cancellation = default)
    {
        string[] texts = new string[prompts.Count];
        // Prompts of like length share a batch, so that tasks of a batch are of one size.
        foreach (int[] batch in Enumerable.Range(0, prompts.Count).OrderBy(i => prompts[i].Ids.Length).ThenBy(i => i).Chunk(options.BatchSize))
        {
            Continuation[] open = [.. batch.Select(i => new Continuation(i, [.. prompts[i].Ids.Span]))];
            while (open.Length > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                long[] next = Likeliest(model, open);
                open = [.. open.Where((continuation, row) => !Append(model, continuation, (int)next[row], texts))];
            }
        }

        return texts;
    }

    /// <summary>Takes the next token; answers whether the text is finished, and writes it then.</summary>
    private bool Append(LlamaModel model, Continuation continuation, int id, string[] texts)
    {
        bool end = id == tokenizer.EndOfText || options.StopTokenIds.Contains(id);
        if (!end)
        {
            continuation.Ids.Add(id);
            continuation.Decoded.Add(id);
        }

        string text = tokenizer.Decode([.. continuation.Decoded], skipSpecialTokens: true);
        int stop = options.StopTexts.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        bool matched = options.StopAfter?.IsMatch(text) ?? false;
        if (!end && !matched && stop < 0 && continuation.Decoded.Count < options.MaximumNewTokens && continuation.Ids.Count < model.Config.MaximumPositions)
        {
            return false;
        }

        texts[continuation.Index] = stop < 0 ? text : text[..stop];
        return true;
    }

    /// <summary>The likeliest token after each prefix, [B]. Rows of the output matrix that no token has, as padded vocabularies do, are not asked.</summary>
    private long[] Likeliest(LlamaModel model, IReadOnlyList<Continuation> prefixes)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var batch = new PackedBatch([.. prefixes.Select(prefix => new TokenSequence(prefix.Ids.ToArray(), []))]);
        Tensor logits = model.Logits(model.HiddenStates(batch).Select(0, batch.LastRows())).Narrow(1, 0, tokenizer.VocabularySize); // [B,V]
        return double.IsFinite(logits.AbsMax().Item())
            ? logits.ArgMax(1).ToArray<long>()
            : throw new HybridException(ErrorKind.Diverged, "the model decodes with logits that are not numbers");
    }

    /// <summary>A prompt with what was decoded so far.</summary>
    private sealed record Continuation(int Index, List<long> Ids)
    {
        public List<int> Decoded { get; } = [];
    }
}
