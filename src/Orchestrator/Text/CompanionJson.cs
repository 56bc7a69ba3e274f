using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>The JSON files beside a tokenizer, of which only some keys are of interest here.</summary>
internal static class CompanionJson
{
    /// <summary>Reads a file that holds one object.</summary>
    /// <exception cref="HybridException">Tokenizer: it is no JSON, or no object. Io: it cannot be read.</exception>
    public static JsonDocument Read(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(ReadText(path));
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{path}:{error.LineNumber + 1}: not valid JSON", error);
        }

        Object(document.RootElement, path);
        return document;
    }

    /// <summary>The element, which must be an object.</summary>
    /// <exception cref="HybridException">Tokenizer: it is none.</exception>
    public static JsonElement Object(JsonElement element, string place) => element.ValueKind is JsonValueKind.Object
        ? element
        : throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected a JSON object");

    /// <summary>A string or a key, which the JSON reader checks only here.</summary>
    /// <exception cref="HybridException">Tokenizer: it is no Unicode text.</exception>
    public static string Text(Func<string> read, string place)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException error)
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected valid Unicode text, got a broken UTF-8 sequence or an unpaired surrogate", error);
        }
    }

    /// <summary>Reads a file as text.</summary>
    /// <exception cref="HybridException">Io: it cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: cannot be read: {error.Message}", error);
        }
    }
}
