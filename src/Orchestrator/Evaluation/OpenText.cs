using System.Runtime.InteropServices;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>A text that is being decoded: takes a token at a time, tells what can be shown already, and knows when it is finished.</summary>
internal sealed class OpenText(Tokenizer tokenizer, DecodingOptions options, int maximumTokens, SeededRandom random, Action<string>? onText)
{
    private readonly List<int> tokens = [];
    private string whole = "";
    private int wholeTokens;
    private int told;

    /// <summary>The chance of this text, its own so that other texts of a batch do not matter.</summary>
    public SeededRandom Random { get; } = random;

    /// <summary>The finished text, null before.</summary>
    public Completion? Completion { get; private set; }

    /// <summary>Takes the next token.</summary>
    /// <exception cref="HybridException">Tokenizer: no token has that id.</exception>
    public void Append(int id)
    {
        bool end = id == tokenizer.EndOfText || options.StopTokenIds.Contains(id);
        if (!end)
        {
            tokens.Add(id);
        }

        string text = Text();
        int stop = options.StopTexts.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        StopReason? reason = stop >= 0 ? StopReason.StopText
            : end ? StopReason.StopToken
            : options.StopAfter?.IsMatch(text) == true ? StopReason.StopText
            : tokens.Count >= options.MaximumNewTokens ? StopReason.MaximumTokens
            : tokens.Count >= maximumTokens ? StopReason.LastPosition
            : null;
        text = stop < 0 ? text : text[..stop];
        if (reason is { } why)
        {
            Completion = new Completion(text, tokens, why);
        }

        Tell(text, reason is null ? Settled(text) : text.Length);
    }

    /// <summary>Finishes the text with the tokens that it has.</summary>
    public void Interrupt()
    {
        string text = Text();
        Completion = new Completion(text, tokens, StopReason.Interrupted);
        Tell(text, text.Length);
    }

    /// <summary>What the tokens say. A text of whole characters stays, so that a step decodes no more than its token, or those of one character.</summary>
    private string Text()
    {
        string text = whole + tokenizer.Decode(CollectionsMarshal.AsSpan(tokens)[wholeTokens..], skipSpecialTokens: true);
        if (!text.EndsWith('\uFFFD'))
        {
            (whole, wholeTokens) = (text, tokens.Count);
        }

        return text;
    }

    private void Tell(string text, int length)
    {
        if (onText is not null && length > told)
        {
            onText(text[told..length]);
            told = length;
        }
    }

    /// <summary>How much of the text further tokens cannot change: not the bytes of a character that is not complete, nor what may begin a stop text.</summary>
    private int Settled(string text)
    {
        ReadOnlySpan<char> complete = text.AsSpan().TrimEnd('\uFFFD');
        int held = 0;
        foreach (string stop in options.StopTexts)
        {
            for (int length = Math.Min(stop.Length - 1, complete.Length); length > held; length--)
            {
                if (complete.EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
                {
                    held = length;
                }
            }
        }

        return complete.Length - held;
    }
}
