using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>
/// Continues prompts token by token, several in one forward pass. Keys and values are kept, so that each step computes the new tokens
/// only, and what all prompts begin with is computed once. A prompt's chance depends on the seed and its place among the prompts, not on its batch.
/// </summary>
internal sealed class Generator(Tokenizer tokenizer, DecodingOptions options, SamplingOptions sampling)
{
    /// <summary>A shorter common beginning is not worth a pass of its own.</summary>
    private const int LeastSharedTokens = 16;

    private readonly TokenSampler sampler = new(sampling);

    /// <summary>Continues every prompt.</summary>
    /// <returns>What follows each prompt, in the prompts' order.</returns>
    /// <exception cref="HybridException">
    /// Config: an option has no meaning, or a prompt has more tokens than the model has positions. Diverged: the logits are no numbers.
    /// Tokenizer: no token has the id that was decoded.
    /// </exception>
    public IReadOnlyList<Completion> Generate(LlamaModel model, IReadOnlyList<TokenSequence> prompts, CancellationToken cancellation = default)
    {
        OpenText[] texts = Open(model, prompts, firstPlace: 0, onText: null);
        int shared = SharedTokens(prompts);
        using KeyValueCache? beginning = shared >= LeastSharedTokens ? Read(model, prompts[0].Ids[..shared]) : null;

        // Prompts of like length share a batch, so that tasks of a batch are of one size.
        foreach (int[] batch in Enumerable.Range(0, prompts.Count).OrderBy(i => prompts[i].Ids.Length).ThenBy(i => i).Chunk(options.BatchSize))
        {
            using KeyValueCache cache = beginning is null ? new KeyValueCache(model, batch.Length) : beginning.Take(new int[batch.Length]);
            int read = (int)cache.Lengths[0];
            Decode(model, cache, [.. batch.Select(i => prompts[i].Ids[read..])], [.. batch.Select(i => texts[i])], cancellation);
        }

        return [.. texts.Select(text => text.Completion!)];
    }

    /// <summary>Continues one prompt, handing out the text piece by piece: the pieces together are the completion's text.</summary>
    /// <returns>The same as <see cref="Generate"/> gives for this prompt alone.</returns>
    /// <exception cref="HybridException">As for <see cref="Generate"/>.</exception>
    public Completion Stream(LlamaModel model, TokenSequence prompt, Action<string> onText, CancellationToken cancellation = default)
    {
        OpenText[] texts = Open(model, [prompt], firstPlace: 0, onText);
        using var cache = new KeyValueCache(model, 1);
        Decode(model, cache, [prompt.Ids], texts, cancellation);
        return texts[0].Completion!;
    }

    /// <summary>
    /// Continues a prompt whose beginning has been read already: only what follows it is computed. The cache then has the prompt and the
    /// completion's tokens as far as they have been read, which the last one need not be.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">The whole prompt.</param>
    /// <param name="cache">One sequence: the prompt's first tokens, at least one fewer than all.</param>
    /// <param name="place">The prompt's place among all, which decides its chance.</param>
    /// <param name="onText">Takes the text piece by piece.</param>
    /// <param name="interruption">Ends the completion with what there is of it; cancelling is no error here.</param>
    /// <exception cref="ArgumentException">The cache is not of that form.</exception>
    /// <exception cref="HybridException">As for <see cref="Generate"/>.</exception>
    public Completion Continue(LlamaModel model, TokenSequence prompt, KeyValueCache cache, int place, Action<string> onText, CancellationToken interruption)
    {
        if (cache.Count != 1 || cache.Lengths[0] >= prompt.Ids.Length)
        {
            throw new ArgumentException($"{cache.Count} sequences of {cache.Lengths[0]} tokens for a prompt of {prompt.Ids.Length}", nameof(cache));
        }

        OpenText[] texts = Open(model, [prompt], place, onText);
        try
        {
            Decode(model, cache, [prompt.Ids[(int)cache.Lengths[0]..]], texts, interruption);
        }
        catch (OperationCanceledException) when (interruption.IsCancellationRequested)
        {
            texts[0].Interrupt();
        }

        return texts[0].Completion!;
    }

    /// <summary>How many tokens all prompts begin with, of which each must have one more; 0 for a single prompt.</summary>
    private static int SharedTokens(IReadOnlyList<TokenSequence> prompts)
    {
        if (prompts.Count < 2)
        {
            return 0;
        }

        ReadOnlySpan<long> first = prompts[0].Ids.Span;
        int shared = first.Length - 1;
        foreach (TokenSequence prompt in prompts)
        {
            shared = Math.Min(shared, Math.Min(prompt.Ids.Length - 1, first.CommonPrefixLength(prompt.Ids.Span)));
        }

        return shared;
    }

    private static KeyValueCache Read(LlamaModel model, ReadOnlyMemory<long> ids)
    {
        using TensorScope scope = TensorScope.Begin();
        var cache = new KeyValueCache(model, 1);
        try
        {
            model.Continue(new PackedBatch([new TokenSequence(ids, [])]), cache);
            return cache;
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    private OpenText[] Open(LlamaModel model, IReadOnlyList<TokenSequence> prompts, int firstPlace, Action<string>? onText)
    {
        HybridException.ThrowIfAny(ErrorKind.Config, "generation", options.Validate().Concat(sampling.Validate()));
        int positions = model.Config.MaximumPositions;
        for (int i = 0; i < prompts.Count; i++)
        {
            if (prompts[i].Ids.Length > positions)
            {
                throw new HybridException(ErrorKind.Config, $"prompt {i + 1} of {prompts.Count} has {prompts[i].Ids.Length} tokens, the model has {positions} positions");
            }
        }

        var random = new SeededRandom(sampling.Seed);
        return
        [
            .. prompts.Select((prompt, i) => new OpenText(
                tokenizer, options, positions - prompt.Ids.Length, random.Fork((firstPlace + i).ToString(CultureInfo.InvariantCulture)), onText)),
        ];
    }

    /// <summary>Decodes a batch until every text is finished; the cache's sequences go with their texts.</summary>
    private void Decode(LlamaModel model, KeyValueCache cache, ReadOnlyMemory<long>[] unread, OpenText[] texts, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] next = Next(model, cache, unread, texts);
            for (int row = 0; row < texts.Length; row++)
            {
                texts[row].Append(next[row]);
            }

            int[] open = [.. Enumerable.Range(0, texts.Length).Where(row => texts[row].Completion is null)];
            if (open.Length == 0)
            {
                return;
            }

            if (open.Length < texts.Length)
            {
                cache.Keep(open);
            }

            unread = [.. open.Select(row => (ReadOnlyMemory<long>)new long[] { next[row] })];
            texts = [.. open.Select(row => texts[row])];
        }
    }

    /// <summary>The next token of each text. Rows of the output matrix that no token has, as padded vocabularies do, are not asked.</summary>
    private int[] Next(LlamaModel model, KeyValueCache cache, ReadOnlyMemory<long>[] unread, OpenText[] texts)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var batch = new PackedBatch([.. unread.Select(ids => new TokenSequence(ids, []))]);
        Tensor last = model.Continue(batch, cache).Select(0, batch.LastRows()); // [B,D]
        return sampler.Next(model.Logits(last).Narrow(1, 0, tokenizer.VocabularySize), [.. texts.Select(text => text.Random)]);
    }
}
