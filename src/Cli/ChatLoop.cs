using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>
/// Talks: takes a line, and shows the answer as it comes into being. Answers go to standard output; the prompt sign and everything that is said
/// about the chat go to standard error.
/// </summary>
/// <param name="context">The console.</param>
/// <param name="conversation">The conversation.</param>
/// <param name="interrupts">What Ctrl-C does.</param>
/// <param name="silent">Whether answers are not shown.</param>
internal sealed class ChatLoop(CommandContext context, Conversation conversation, Interrupts interrupts, bool silent)
{
    private const string Prompt = "> ";

    private const string Help = """
        /reset         forgets what was said; the system message stays
        /system TEXT   sets the system message from here on; without TEXT there is none
        /help          shows this
        /exit          leaves, as does the end of input
        Ctrl-C stops an answer, and leaves where none is coming. A line that is to begin with / needs a blank before it.
        """;

    private readonly TextWriter output = context.Output.Profile.Out.Writer;
    private readonly TextWriter notes = context.Error.Profile.Out.Writer;

    /// <summary>What was said so far.</summary>
    public ChatTranscript Transcript { get; } = new();

    /// <summary>Talks until the end of input or <c>/exit</c>.</summary>
    /// <exception cref="OperationCanceledException">Left by a signal.</exception>
    /// <exception cref="HybridException">As for <see cref="Conversation.Reply"/>; a message that does not fit is one only where nobody can write another.</exception>
    public void Run()
    {
        Transcript.Begin(conversation.System);
        while (ReadLine() is { } line)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            if (!line.StartsWith('/'))
            {
                Say(line);
            }
            else if (!Obey(line))
            {
                return;
            }
        }
    }

    /// <summary>The next line, null at the end of input. Reading cannot be stopped, so it is left to another thread.</summary>
    private string? ReadLine()
    {
        if (context.Interactive)
        {
            notes.Write(Prompt);
            notes.Flush();
        }

        string? line = null;
        try
        {
            line = Task.Run(context.Input.ReadLine).WaitAsync(interrupts.Leave).GetAwaiter().GetResult();
            return line;
        }
        finally
        {
            if (line is null && context.Interactive)
            {
                notes.WriteLine(); // behind the prompt sign
            }
        }
    }

    private void Say(string user)
    {
        ConversationAnswer answer;
        try
        {
            answer = interrupts.During(stop => conversation.Reply(user, Show, stop));
        }
        catch (HybridException error) when (error.Kind is ErrorKind.Config && context.Interactive)
        {
            notes.WriteLine($"not sent: {error.Message}");
            return;
        }

        Show("\n");
        Transcript.Add(ChatRole.User, user);
        Transcript.Add(answer);
        interrupts.Leave.ThrowIfCancellationRequested();
        if (answer.DroppedTurns > 0)
        {
            notes.WriteLine($"(the oldest {answer.DroppedTurns} turns were left out: the conversation had become too long for the model)");
        }

        if (answer.Completion.StopReason is StopReason.Interrupted or StopReason.MaximumTokens)
        {
            notes.WriteLine(answer.Completion.StopReason is StopReason.Interrupted ? "(stopped)" : $"(cut after {answer.Completion.Tokens.Count} tokens: --maximum-tokens)");
        }
    }

    private void Show(string piece)
    {
        if (!silent)
        {
            output.Write(piece);
            output.Flush();
        }
    }

    /// <summary>Does what a line with a command says; false where it says to leave.</summary>
    private bool Obey(string line)
    {
        string[] words = line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string? rest = words.Length > 1 ? words[1] : null;
        switch (words[0], rest)
        {
            case ("/exit", null):
                return false;
            case ("/reset", null):
                conversation.Reset();
                Transcript.Begin(conversation.System);
                notes.WriteLine("(a new conversation)");
                break;
            case ("/system", _):
                conversation.System = rest;
                Transcript.Add(ChatRole.System, rest ?? string.Empty);
                notes.WriteLine(rest is null ? "(no system message)" : "(system message set)");
                break;
            case ("/help", null):
                notes.WriteLine(Help);
                break;
            default:
                notes.WriteLine($"not sent: {words[0]}{(rest is null ? " is no command" : " with a text is no command")}; expected /reset, /system TEXT, /exit or /help");
                break;
        }

        return true;
    }
}
