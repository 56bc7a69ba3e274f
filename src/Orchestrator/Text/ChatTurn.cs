namespace Hybrid.Orchestrator.Text;

/// <summary>Who speaks in a conversation; chat templates know them by these names in lower case.</summary>
internal enum ChatRole
{
    /// <summary>Whoever says how the assistant is to behave.</summary>
    System,

    /// <summary>Whoever is answered.</summary>
    User,

    /// <summary>The model.</summary>
    Assistant,
}

/// <summary>What one of them said.</summary>
/// <param name="Role">Who.</param>
/// <param name="Text">What; no control tokens, whatever it spells.</param>
internal sealed record ChatTurn(ChatRole Role, string Text);
