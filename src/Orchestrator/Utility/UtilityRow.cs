using System.Text.Json;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Utility;

/// <summary>
/// A row of a utility file, which is one JSON array of objects. Reading is strict: every field known and of its type, none twice, texts not
/// blank. An error names the file, the row, counted from 0, and the field: <c>bbh.json: [3].answer: …</c>.
/// </summary>
internal sealed class UtilityRow
{
    private readonly string place;
    private readonly Dictionary<string, JsonElement> fields = new(StringComparer.Ordinal);

    private UtilityRow(string place, JsonElement row, ReadOnlySpan<string> known)
    {
        this.place = place;
        if (row.ValueKind is not JsonValueKind.Object)
        {
            throw Fault(place, $"expected an object, found {Name(row)}");
        }

        foreach (JsonProperty property in row.EnumerateObject())
        {
            if (!known.Contains(property.Name))
            {
                throw Fault(place, $"unknown field '{property.Name}'; known are {string.Join(", ", known)}");
            }

            if (!fields.TryAdd(property.Name, property.Value))
            {
                throw Fault(place, $"field '{property.Name}' stands twice; expected it once");
            }
        }
    }

    /// <summary>Reads a file whose rows have the given fields.</summary>
    /// <exception cref="HybridException">DataFile: missing, malformed or without rows. Io: it cannot be read.</exception>
    public static IReadOnlyList<T> ReadAll<T>(string path, string[] known, Func<UtilityRow, T> convert)
    {
        byte[] bytes = JsonlReader.ReadBytes(path);
        if (JsonlReader.FindInvalidUtf8(bytes) is var invalid and >= 0)
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}: byte {invalid + 1} is not UTF-8; expected UTF-8 throughout");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            JsonElement root = document.RootElement;
            return root.ValueKind is JsonValueKind.Array && root.GetArrayLength() > 0
                ? [.. root.EnumerateArray().Select((row, i) => convert(new UtilityRow($"{path}: [{i}]", row, known)))]
                : throw new HybridException(ErrorKind.DataFile, $"{path}: expected an array of at least one object");
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}:{error.LineNumber + 1}: not valid JSON at byte {error.BytePositionInLine + 1} of the line", error);
        }
        catch (InvalidOperationException error)
        {
            // The only string that the parser accepts and cannot decode: "\ud800" without its other half.
            throw new HybridException(ErrorKind.DataFile, $"{path}: a string escapes half of a surrogate pair; expected whole characters", error);
        }
    }

    /// <summary>A text that is not blank.</summary>
    public string Text(string field) => NotBlank(PathOf(field), Find(field));

    /// <summary>At least one text, none blank.</summary>
    public IReadOnlyList<string> Texts(string field) => [.. Elements(field).Select((element, i) => NotBlank($"{PathOf(field)}[{i}]", element))];

    /// <summary>The position of the only 1 among zeros, of which there are as many as told.</summary>
    public int OnlyOne(string field, int count)
    {
        JsonElement[] labels = Elements(field);
        int[] values = [.. labels.Select((label, i) => label.ValueKind is JsonValueKind.Number && label.TryGetInt32(out int value) && value is 0 or 1
            ? value
            : throw Fault($"{PathOf(field)}[{i}]", $"expected 0 or 1, found {Name(label)}"))];
        return values.Length == count && values.Sum() == 1
            ? Array.IndexOf(values, 1)
            : throw Fault(PathOf(field), $"expected {count} labels of which one is 1, found {values.Length} of which {values.Sum()} are");
    }

    /// <summary>An object with the given fields.</summary>
    public UtilityRow Section(string field, params ReadOnlySpan<string> known) => new(PathOf(field), Find(field), known);

    /// <summary>An error about a field.</summary>
    public HybridException Error(string field, string problem) => Fault(PathOf(field), problem);

    private JsonElement Find(string field) => fields.TryGetValue(field, out JsonElement value) ? value : throw Fault(place, $"no field '{field}'");

    private JsonElement[] Elements(string field) => Find(field) is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() > 0
        ? [.. array.EnumerateArray()]
        : throw Fault(PathOf(field), $"expected a list that is not empty, found {Name(Find(field))}");

    private string PathOf(string field) => $"{place}.{field}";

    private static string NotBlank(string place, JsonElement value) => value.ValueKind is JsonValueKind.String && value.GetString() is { } text && !string.IsNullOrWhiteSpace(text)
        ? text
        : throw Fault(place, $"expected a string with some text, found {Name(value)}");

    private static string Name(JsonElement value)
    {
        string raw = value.GetRawText().ReplaceLineEndings(" ");
        return raw.Length <= 40 ? raw : raw[..37] + "...";
    }

    private static HybridException Fault(string place, string problem) => new(ErrorKind.DataFile, $"{place}: {problem}");
}
