using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// Recognises the chat template of a model folder: <c>chat_template.jinja</c>, else <c>chat_template</c> in <c>tokenizer_config.json</c>.
/// Templates are programs (Jinja) that are not run here; one is taken for a known one by its markers or is an error, never guessed.
/// </summary>
internal static class ChatTemplateFile
{
    private const string JinjaFile = "chat_template.jinja";
    private const string ConfigFile = "tokenizer_config.json";
    private const string Key = "chat_template";

    /// <summary>What each known template cannot be without.</summary>
    private static readonly (ChatTemplate Template, string[] Markers)[] Known =
    [
        (ChatTemplate.Llama3, ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
        (ChatTemplate.ChatMl, ["<|im_start|>", "<|im_end|>"]),
        (ChatTemplate.Zephyr, ["<|user|>", "<|assistant|>", "eos_token"]),
    ];

    /// <summary>What templates contain that speak for the user where no system message was given: Llama 3.1's date, Qwen's greeting.</summary>
    private static readonly string[] OwnMessages = ["Cutting Knowledge Date", "You are a helpful", "You are Qwen"];

    /// <summary>
    /// The template of a model's folder; <see cref="ChatTemplate.None"/> where the folder's configuration names none. Where neither file is there
    /// but the vocabulary has a template's control tokens, as when a chat model was saved without its configuration, nothing is taken for granted.
    /// </summary>
    /// <exception cref="HybridException">Tokenizer: the template is not a known one, a file is malformed or missing. Io: it cannot be read.</exception>
    public static ChatTemplate Recognize(string folder, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(tokenizer);
        string jinja = Path.Combine(folder, JinjaFile), config = Path.Combine(folder, ConfigFile);
        if (File.Exists(jinja))
        {
            return Recognize(jinja, CompanionJson.ReadText(jinja));
        }

        if (File.Exists(config))
        {
            return TemplateOf(config) is { } text ? Recognize($"{config}: {Key}", text) : ChatTemplate.None;
        }

        return ChatTemplate.All.FirstOrDefault(template => template.HasItsTokensIn(tokenizer)) is { } likely
            ? throw new HybridException(
                ErrorKind.Tokenizer,
                $"{config}: no such file, so nothing says whether the model wants the chat template {likely.Name}, whose tokens it has; name one with --chat-template ({ChatTemplate.None.Name} is one)")
            : ChatTemplate.None;
    }

    /// <summary>Recognizes the text of a template; <paramref name="source"/> names it in errors.</summary>
    private static ChatTemplate Recognize(string source, string text)
    {
        if (OwnMessages.FirstOrDefault(message => text.Contains(message, StringComparison.Ordinal)) is { } own)
        {
            throw Unknown(source, $"has a system message of its own (\"{own}…\")");
        }

        ChatTemplate[] found = [.. Known.Where(known => known.Markers.All(marker => text.Contains(marker, StringComparison.Ordinal))).Select(known => known.Template)];
        return found.Length == 1 ? found[0] : throw Unknown(source, "is no known one");
    }

    private static string? TemplateOf(string path)
    {
        using JsonDocument document = CompanionJson.Read(path);
        if (!document.RootElement.TryGetProperty(Key, out JsonElement value) || value.ValueKind is JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind is JsonValueKind.String
            ? value.GetString()
            : throw new HybridException(ErrorKind.Tokenizer, $"{path}: {Key}: expected one template as a string, got {JsonSection.Describe(value)}; name one with --chat-template");
    }

    private static HybridException Unknown(string source, string what) => new(
        ErrorKind.Tokenizer,
        $"{source}: the chat template {what}; expected one of {string.Join(", ", Known.Select(known => known.Template.Name))}, or name one with --chat-template");
}
