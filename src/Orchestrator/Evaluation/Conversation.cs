using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>What a model answered in a conversation.</summary>
/// <param name="Completion">The answer.</param>
/// <param name="PromptTokens">Tokens of the whole conversation before it, as the template writes it.</param>
/// <param name="ReadTokens">How many of them were computed for this answer; keys and values of the others were there from the answer before.</param>
/// <param name="DroppedTurns">How many of the oldest turns were left out, from here on, because the conversation did not fit any more.</param>
internal sealed record ConversationAnswer(Completion Completion, int PromptTokens, int ReadTokens, int DroppedTurns);

/// <summary>
/// A conversation with a model. Every prompt is the whole conversation as the chat template renders it; keys and values of what it has in
/// common with the one before, usually all but the new turn, are kept. Owns these, not the model.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="template">How turns are written.</param>
/// <param name="maximumNewTokens">Tokens of an answer at most; so many positions are kept free for it.</param>
/// <param name="sampling">How tokens are chosen; each answer has a chance of its own.</param>
internal sealed class Conversation(LlamaModel model, Tokenizer tokenizer, ChatTemplate template, int maximumNewTokens, SamplingOptions sampling) : IDisposable
{
    private readonly Generator generator = new(
        tokenizer,
        new DecodingOptions { MaximumNewTokens = maximumNewTokens, StopTexts = template.StopTexts, StopTokenIds = ChatTemplate.StopIds(tokenizer), BatchSize = 1 },
        sampling);

    private readonly KeyValueCache cache = new(model, 1);
    private readonly List<ChatTurn> turns = [];
    private long[] read = [];
    private int answers;

    /// <summary>How the assistant is to behave, before all turns and never left out; null for no such message.</summary>
    public string? System { get; set; }

    /// <summary>The turns that the next prompt has, user and assistant by turns.</summary>
    public IReadOnlyList<ChatTurn> Turns => turns;

    /// <summary>Forgets all turns; the system message stays.</summary>
    public void Reset() => turns.Clear();

    /// <summary>Says something to the model and adds both turns to the conversation; an answer that is interrupted is kept as far as it came.</summary>
    /// <param name="user">What the user says.</param>
    /// <param name="onText">Takes the answer's text piece by piece.</param>
    /// <param name="interruption">Ends the answer.</param>
    /// <exception cref="HybridException">
    /// Config: what the user says does not fit beside the system message and an answer. Diverged, Tokenizer: as for <see cref="Generator.Generate"/>.
    /// The conversation is then as it was.
    /// </exception>
    public ConversationAnswer Reply(string user, Action<string> onText, CancellationToken interruption = default)
    {
        (long[] prompt, int dropped) = Fit([.. turns, new(ChatRole.User, user)]);
        int common = Math.Min(prompt.AsSpan().CommonPrefixLength(read), prompt.Length - 1);
        cache.Truncate(common);
        read = read[..common];
        Completion completion = generator.Continue(model, new TokenSequence(prompt, []), cache, answers, onText, interruption);

        answers++;
        read = [.. prompt.Concat(completion.Tokens.Select(id => (long)id)).Take((int)cache.Lengths[0])];
        turns.RemoveRange(0, dropped);
        turns.AddRange([new(ChatRole.User, user), new(ChatRole.Assistant, completion.Text)]);
        return new ConversationAnswer(completion, prompt.Length, prompt.Length - common, dropped);
    }

    /// <summary>Frees the keys and values.</summary>
    public void Dispose() => cache.Dispose();

    /// <summary>The ids of the conversation without so many of its oldest turns that an answer fits behind it; an answer goes with its question.</summary>
    private (long[] Prompt, int Dropped) Fit(ChatTurn[] all)
    {
        int room = model.Config.MaximumPositions - maximumNewTokens;
        for (int dropped = 0; ; dropped += 2)
        {
            ChatTurn[] rest = [.. System is null ? [] : (ChatTurn[])[new(ChatRole.System, System)], .. all[dropped..]];
            int[] ids = template.Encode(tokenizer, rest);
            if (ids.Length <= room)
            {
                return ([.. ids.Select(id => (long)id)], dropped);
            }

            if (dropped + 1 == all.Length)
            {
                throw new HybridException(
                    ErrorKind.Config,
                    $"the message has {ids.Length} tokens{(System is null ? string.Empty : " with the system message")}; expected at most {room}, as the model has {model.Config.MaximumPositions} positions and an answer may take {maximumNewTokens}");
            }
        }
    }
}
