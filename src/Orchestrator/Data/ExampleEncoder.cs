using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Turns texts and questions into token sequences: the tokenizer's begin-of-text first, then the text, of which the left end is cut away
/// where it is too long. What the text spells is never taken for a special token.
/// </summary>
public sealed class ExampleEncoder(Tokenizer tokenizer, int maximumTokens)
{
    /// <summary>Longest example where nothing else is said, in tokens (method of the paper and of RTT).</summary>
    public const int UsualMaximumTokens = 512;

    private readonly int[] begin = tokenizer.BeginOfText is { } token ? [token] : [];

    /// <summary>
    /// The token that answers with each letter: the first of " A. ", " B. ", …, which is how the answer follows "Answer:" in every training
    /// form. (Byte-level tokenizers give "A" and " A" different ids; the one that is trained must be the one that is read.)
    /// </summary>
    /// <exception cref="HybridException">Tokenizer: two letters begin with the same token.</exception>
    public long[] LetterIds()
    {
        long[] ids = [.. McqPrompt.Letters.Select(letter => (long)tokenizer.Encode($" {letter}. ", specialTokensAsText: true)[0])];
        return ids.Distinct().Count() == ids.Length
            ? ids
            : throw new HybridException(ErrorKind.Tokenizer, $"the letters {string.Join(", ", McqPrompt.Letters)} do not begin with different tokens: {string.Join(", ", ids)}");
    }

    /// <summary>A question in a training form.</summary>
    public TokenSequence Encode(MultipleChoiceQuestion question, QuestionForm form) => Encode(McqPrompt.Make(question, form));

    /// <summary>A prompt that is not scored and a target that is.</summary>
    public TokenSequence Encode(PromptAndTarget text)
    {
        int[] prompt = tokenizer.Encode(text.Prompt, specialTokensAsText: true), target = tokenizer.Encode(text.Target, specialTokensAsText: true);
        return Cut([.. prompt, .. target], prompt.Length);
    }

    /// <summary>A text whose every token is scored.</summary>
    public TokenSequence EncodeText(string text) => Encode(new PromptAndTarget(string.Empty, text));

    /// <summary>A prompt to be continued; nothing is scored.</summary>
    public TokenSequence EncodePrompt(string prompt)
    {
        int[] ids = tokenizer.Encode(prompt, specialTokensAsText: true);
        return Cut(ids, ids.Length);
    }

    private TokenSequence Cut(int[] ids, int firstScored)
    {
        int dropped = Math.Max(0, begin.Length + ids.Length - maximumTokens);
        long[] kept = [.. begin.Concat(ids.Skip(dropped)).Select(id => (long)id)];
        return new TokenSequence(kept, Math.Max(0, firstScored - dropped) + begin.Length);
    }
}
