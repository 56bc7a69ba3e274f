using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Text;

/// <summary>The ids of one user turn and the beginning of the assistant's answer.</summary>
/// <param name="Ids">Begin of text where the tokenizer has one, the turn, and the answer's first words.</param>
/// <param name="UserStart">How many of them stand before the user's text.</param>
/// <param name="UserEnd">Where the user's text ends; with a template of plain text only, where the ids end.</param>
internal sealed record EncodedTurn(IReadOnlyList<int> Ids, int UserStart, int UserEnd);

/// <summary>
/// How a chat model wants a conversation to be written. The control tokens of the template are encoded as such; what a turn's text spells is
/// never taken for one.
/// </summary>
internal sealed class ChatTemplate
{
    /// <summary>What stands for the role in a header.</summary>
    private const string Role = "ROLE";

    private readonly string header;
    private readonly string afterTurn;
    private readonly string[] markers;
    private readonly string[] endTokens;
    private readonly bool trims;

    private ChatTemplate(string name, string header, string afterTurn, string[] markers, string[] endTokens, bool trims)
    {
        Name = name;
        this.header = header;
        this.afterTurn = afterTurn;
        this.markers = markers;
        this.endTokens = endTokens;
        this.trims = trims;
    }

    /// <summary>Llama 3 Instruct's, whose template trims every turn's text.</summary>
    public static ChatTemplate Llama3 { get; } = new(
        "llama3", $"<|start_header_id|>{Role}<|end_header_id|>\n\n", string.Empty, ["<|start_header_id|>", "<|end_header_id|>"], ["<|eot_id|>"], trims: true);

    /// <summary>ChatML, as Qwen and others have it.</summary>
    public static ChatTemplate ChatMl { get; } = new("chatml", $"<|im_start|>{Role}\n", "\n", ["<|im_start|>"], ["<|im_end|>"], trims: false);

    /// <summary>Zephyr's: its markers are plain text where the vocabulary has no such tokens, and a turn ends with the end of text.</summary>
    public static ChatTemplate Zephyr { get; } = new("zephyr", $"<|{Role}|>\n", "\n", [], ["</s>", "<|endoftext|>", "<|end_of_text|>"], trims: false);

    /// <summary>No template: plain text, every turn on a line of its own.</summary>
    public static ChatTemplate None { get; } = new("none", string.Empty, string.Empty, [], [], trims: false);

    /// <summary>The templates there are.</summary>
    public static IReadOnlyList<ChatTemplate> All { get; } = [Llama3, ChatMl, Zephyr, None];

    /// <summary>What <see cref="Find"/> knows it by.</summary>
    public string Name { get; }

    /// <summary>Texts at which an answer in a conversation ends: the end of the line where nothing else says whose turn it is.</summary>
    public IReadOnlyList<string> StopTexts => endTokens.Length == 0 ? ["\n"] : [];

    /// <summary>The template with a name.</summary>
    /// <exception cref="HybridException">Config: there is none.</exception>
    public static ChatTemplate Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(template => template.Name == name) ?? throw new HybridException(
            ErrorKind.Config,
            $"chat template '{name}': expected one of {string.Join(", ", All.Select(template => template.Name))}; did you mean '{NearestName.Of(name, All.Select(template => template.Name))}'?");
    }

    /// <summary>
    /// The ids at which an answer ends, whatever the template: end of text, and the ends of a turn that are special tokens of the vocabulary.
    /// </summary>
    public static IReadOnlyList<int> StopIds(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        IEnumerable<int?> ids = All.SelectMany(template => template.endTokens).Select(tokenizer.TokenId).Append(tokenizer.EndOfText);
        return [.. ids.OfType<int>().Where(id => tokenizer.IsSpecial(id) || id == tokenizer.EndOfText).Distinct().Order()];
    }

    /// <summary>Writes a user's turn without a system message, the assistant's header and the answer's first words after it.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="user">What the user says; special tokens that it spells stay text.</param>
    /// <param name="cue">With what the answer begins; may be empty, and then the text of <see cref="None"/> is the user's as it stands.</param>
    /// <exception cref="HybridException">Tokenizer: the vocabulary lacks a control token of the template.</exception>
    public EncodedTurn Encode(Tokenizer tokenizer, string user, string cue)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(user);
        ArgumentNullException.ThrowIfNull(cue);
        Piece[] open = [.. Header(tokenizer, ChatRole.User)], end = [.. EndOfTurn(tokenizer)];
        Piece[] close = [.. end, .. Header(tokenizer, ChatRole.Assistant), new(cue, null)];
        Piece text = new(end.Length == 0 && cue.Length == 0 ? user : Text(user), null);
        int[] begin = Begin(tokenizer), before = [.. begin, .. Ids(tokenizer, open)], whole = [.. begin, .. Ids(tokenizer, [.. open, text, .. close])];
        // The closing begins with a control token, so it has the same ids alone as after the user's text.
        int after = end.Length == 0 ? 0 : Ids(tokenizer, close).Length;
        return new EncodedTurn(whole, before.Length, whole.Length - after);
    }

    /// <summary>
    /// Writes a conversation and the assistant's header, as the published template renders it: begin of text where the tokenizer has one, then
    /// every turn. With <see cref="None"/>, every turn is a line.
    /// </summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="turns">What was said, oldest first; special tokens that a text spells stay text.</param>
    /// <returns>The ids that the assistant's answer follows.</returns>
    /// <exception cref="HybridException">Tokenizer: the vocabulary lacks a control token of the template.</exception>
    public int[] Encode(Tokenizer tokenizer, IEnumerable<ChatTurn> turns)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(turns);
        Piece[] end = [.. EndOfTurn(tokenizer)];
        IEnumerable<Piece> pieces = turns.SelectMany(turn => (Piece[])[.. Header(tokenizer, turn.Role), new(Text(turn.Text), null), .. end]);
        return [.. Begin(tokenizer), .. Ids(tokenizer, [.. pieces, .. Header(tokenizer, ChatRole.Assistant)])];
    }

    /// <summary>Whether the vocabulary was made for this template: it has its control tokens as special ones.</summary>
    internal bool HasItsTokensIn(Tokenizer tokenizer) => markers.Length > 0 && markers.All(marker => tokenizer.TokenId(marker) is { } id && tokenizer.IsSpecial(id));

    private static int[] Begin(Tokenizer tokenizer) => tokenizer.BeginOfText is { } id ? [id] : [];

    private IEnumerable<Piece> Header(Tokenizer tokenizer, ChatRole role) => Split(tokenizer, header.Replace(Role, role.ToString().ToLowerInvariant(), StringComparison.Ordinal));

    /// <summary>A turn's text as it is written: trimmed, as a line of its own, or as it stands.</summary>
    private string Text(string text) => trims ? text.Trim() : endTokens.Length > 0 || text.EndsWith('\n') ? text : text + "\n";

    /// <summary>What ends a turn: the first of the possible tokens that the vocabulary has, and what is written after it.</summary>
    private IEnumerable<Piece> EndOfTurn(Tokenizer tokenizer) => endTokens.Length == 0
        ? []
        : endTokens.FirstOrDefault(token => tokenizer.TokenId(token) is not null) is { } end
            ? [new Piece(end, tokenizer.TokenId(end)), new Piece(afterTurn, null)]
            : throw Missing(string.Join(" or ", endTokens));

    /// <summary>Cuts a text of the template at its control tokens, and at Zephyr's markers where they are tokens.</summary>
    private IEnumerable<Piece> Split(Tokenizer tokenizer, string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int close = text.IndexOf("|>", start, StringComparison.Ordinal) + 2, open = text.IndexOf("<|", start, StringComparison.Ordinal);
            int end = open == start ? close : open < 0 ? text.Length : open;
            string part = text[start..end];
            int? id = open == start ? tokenizer.TokenId(part) : null;
            yield return id is null && markers.Contains(part) ? throw Missing(part) : new Piece(part, id);
            start = end;
        }
    }

    private HybridException Missing(string token) =>
        new(ErrorKind.Tokenizer, $"chat template '{Name}' needs the token {token}, which the tokenizer does not have; this may be another template's model");

    /// <summary>Text between two control tokens is encoded as one, as it is where a template is first rendered and then encoded.</summary>
    private static int[] Ids(Tokenizer tokenizer, IEnumerable<Piece> pieces)
    {
        var ids = new List<int>();
        string text = string.Empty;
        foreach (Piece piece in pieces.Append(new Piece(string.Empty, null)))
        {
            text += piece.Id is null ? piece.Text : string.Empty;
            if (piece.Id is { } id)
            {
                ids.AddRange(tokenizer.Encode(text, specialTokensAsText: true));
                ids.Add(id);
                text = string.Empty;
            }
        }

        ids.AddRange(tokenizer.Encode(text, specialTokensAsText: true));
        return [.. ids];
    }

    /// <summary>A part of a turn: a control token, or text where there is no id.</summary>
    private readonly record struct Piece(string Text, int? Id);
}
