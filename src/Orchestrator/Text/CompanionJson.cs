using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>The JSON files beside a tokenizer, of which only some keys are of interest here.</summary>
internal static class CompanionJson
{
    /// <summary>Reads a file that holds one object, all of whose keys and texts are Unicode.</summary>
    /// <exception cref="HybridException">Tokenizer: it is no JSON, no object, or a text in it is not Unicode. Io: it cannot be read.</exception>
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
        RequireUnicode(document.RootElement, path);
        return document;
    }

    /// <summary>The element, which must be an object.</summary>
    /// <exception cref="HybridException">Tokenizer: it is none.</exception>
    public static JsonElement Object(JsonElement element, string place) => element.ValueKind is JsonValueKind.Object
        ? element
        : throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected a JSON object");

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

    // The JSON reader looks at a text's escapes only when it is asked for, so all are asked for at once.
    private static void RequireUnicode(JsonElement root, string path)
    {
        string place = path;
        try
        {
            foreach (JsonProperty property in root.EnumerateObject())
            {
                place = path;
                place = $"{path}: {property.Name}";
                Decode(property.Value);
            }
        }
        catch (InvalidOperationException error)
        {
            throw new HybridException(ErrorKind.Tokenizer, $"{place}: expected valid Unicode text, got a broken UTF-8 sequence or an unpaired surrogate", error);
        }
    }

    private static void Decode(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Decode(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Decode(item);
                }

                break;
            case JsonValueKind.String:
                element.GetString();
                break;
        }
    }
}
