using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Utility;

/// <summary>A prompt in words.</summary>
/// <param name="User">What the user's turn says.</param>
/// <param name="Cue">With what the answer begins; may be empty.</param>
internal sealed record UtilityPrompt(string User, string Cue);

/// <summary>
/// Puts one task's prompts to a model: continues them, or scores given answers. Sequences of like length share a batch, and a prompt that is
/// longer than the model allows loses the left end of its user's text, never the template around it.
/// </summary>
internal sealed class UtilityRunner(
    LlamaModel model, Tokenizer tokenizer, UtilityOptions options, UtilityTaskKind task, IProgress<UtilityProgress>? progress, CancellationToken cancellation)
{
    /// <summary>Prompts that were cut so far.</summary>
    public int CutPrompts { get; private set; }

    /// <summary>Continues every prompt by the likeliest tokens, until an end of text or turn.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="maximumNewTokens">The task's own bound; the options' holds where it is less.</param>
    /// <param name="stopAfter">What ends an answer once it stands there; null: nothing does.</param>
    /// <returns>The answers in the prompts' order, without cue and special tokens; one may be empty.</returns>
    /// <exception cref="HybridException">Diverged; Tokenizer: the template's tokens are missing; Config: no prompt fits the model's positions.</exception>
    public IReadOnlyList<string> Continue(IReadOnlyList<UtilityPrompt> prompts, int maximumNewTokens, Regex? stopAfter = null)
    {
        int newTokens = Math.Min(maximumNewTokens, options.MaximumNewTokens ?? maximumNewTokens), positions = model.Config.MaximumPositions;
        // On a model of few positions half of them stay the prompt's, and answers are shorter.
        int room = Math.Max(positions - newTokens, positions / 2);
        TokenSequence[] sequences = [.. prompts.Select(prompt => Encode(prompt, [], room))];
        var decoder = new GreedyDecoder(tokenizer, new DecodingOptions
        {
            MaximumNewTokens = newTokens,
            StopTexts = [],
            StopTokenIds = ChatTemplate.StopIds(tokenizer),
            StopAfter = stopAfter,
            BatchSize = options.BatchSize,
        });
        return InBatches(sequences, batch => decoder.Continue(model, batch, cancellation));
    }

    /// <summary>The log-probability in nats of each answer's text after its prompt.</summary>
    /// <param name="prompts">Prompts, one an answer.</param>
    /// <param name="answers">Answers; each has a token.</param>
    /// <exception cref="HybridException">As for <see cref="Continue"/>.</exception>
    public IReadOnlyList<double> LogProbabilities(IReadOnlyList<UtilityPrompt> prompts, IReadOnlyList<string> answers)
    {
        TokenSequence[] sequences =
        [
            .. prompts.Zip(answers, (prompt, answer) => Encode(prompt, tokenizer.Encode(answer, specialTokensAsText: true), model.Config.MaximumPositions)),
        ];
        return InBatches<double>(sequences, batch => [.. SequenceLikelihood.SumNll(model, batch, options.BatchSize, cancellation).Select(sum => -sum)]);
    }

    /// <summary>The prompt's tokens and the scored ones after them, together no more than there is room for.</summary>
    private TokenSequence Encode(UtilityPrompt prompt, int[] answer, int room)
    {
        EncodedTurn turn = options.ChatTemplate.Encode(tokenizer, prompt.User, prompt.Cue);
        int excess = Math.Max(0, turn.Ids.Count + answer.Length - room);
        if (excess >= turn.UserEnd - turn.UserStart)
        {
            throw new HybridException(ErrorKind.Config, $"utility: the model's {model.Config.MaximumPositions} positions do not hold a prompt of the task {task}");
        }

        CutPrompts += excess > 0 ? 1 : 0;
        long[] ids = [.. turn.Ids.Take(turn.UserStart).Concat(turn.Ids.Skip(turn.UserStart + excess)).Concat(answer).Select(id => (long)id)];
        return new TokenSequence(ids, ids.Length - answer.Length);
    }

    private T[] InBatches<T>(TokenSequence[] sequences, Func<TokenSequence[], IReadOnlyList<T>> run)
    {
        var results = new T[sequences.Length];
        int done = 0;
        foreach (int[] batch in Enumerable.Range(0, sequences.Length).OrderBy(i => sequences[i].Ids.Length).ThenBy(i => i).Chunk(options.BatchSize))
        {
            IReadOnlyList<T> values = run([.. batch.Select(i => sequences[i])]);
            for (int i = 0; i < batch.Length; i++)
            {
                results[batch[i]] = values[i];
            }

            progress?.Report(new UtilityProgress(task, done += batch.Length, sequences.Length));
        }

        return results;
    }
}
