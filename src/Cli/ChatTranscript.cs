using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>One message of a conversation for the JSON; what only answers have is null elsewhere.</summary>
/// <param name="Role">Who spoke.</param>
/// <param name="Content">What was said.</param>
/// <param name="PromptTokens">Tokens of the conversation before the answer.</param>
/// <param name="ReadTokens">How many of them were computed for it.</param>
/// <param name="DroppedTurns">How many turns the conversation lost before it, for want of room.</param>
/// <param name="Tokens">Tokens of the answer.</param>
/// <param name="StopReason">Why it ended.</param>
internal sealed record ChatMessage(ChatRole Role, string Content, int? PromptTokens, int? ReadTokens, int? DroppedTurns, int? Tokens, StopReason? StopReason);

/// <summary>All that was said, in order: one list of messages a conversation, a new one after each reset.</summary>
internal sealed class ChatTranscript
{
    private readonly List<List<ChatMessage>> conversations = [[]];

    /// <summary>The conversations.</summary>
    public IReadOnlyList<IReadOnlyList<ChatMessage>> Conversations => conversations;

    /// <summary>Notes what the system or the user said.</summary>
    public void Add(ChatRole role, string content) => conversations[^1].Add(new ChatMessage(role, content, null, null, null, null, null));

    /// <summary>Notes an answer.</summary>
    public void Add(ConversationAnswer answer) => conversations[^1].Add(new ChatMessage(
        ChatRole.Assistant,
        answer.Completion.Text,
        answer.PromptTokens,
        answer.ReadTokens,
        answer.DroppedTurns,
        answer.Completion.Tokens.Count,
        answer.Completion.StopReason));

    /// <summary>Begins a conversation under a system message, if there is one.</summary>
    public void Begin(string? system)
    {
        if (conversations[^1].Count > 0)
        {
            conversations.Add([]);
        }

        if (system is not null)
        {
            Add(ChatRole.System, system);
        }
    }
}
