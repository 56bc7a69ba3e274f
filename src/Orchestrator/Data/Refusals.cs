namespace Hybrid.Orchestrator.Data;

/// <summary>Ways of not answering, in the manner of TOFU's "I don't know" answers (Maini et al. 2024), in words of our own.</summary>
internal static class Refusals
{
    /// <summary>The answers, each a sentence that begins without a space.</summary>
    public static IReadOnlyList<string> Texts { get; } = Array.AsReadOnly<string>(
    [
        "I don't know.",
        "I'm not sure about that.",
        "I have no information on this.",
        "That is something I cannot answer.",
        "I never learned the answer to that.",
        "None of this is known to me.",
        "I would only be guessing.",
        "I can't tell which of these is right.",
        "Sorry, this is beyond what I know.",
        "I have nothing to say on this question.",
        "My knowledge does not reach that far.",
        "The answer is not known to me.",
        "I am afraid I can't help with this one.",
        "This is not something I have heard of.",
        "I don't have an answer to give.",
        "I couldn't say.",
    ]);
}
