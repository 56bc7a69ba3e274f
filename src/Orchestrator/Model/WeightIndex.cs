using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// Which file of a model folder holds which tensor: Hugging Face's <c>model.safetensors.index.json</c>,
/// <c>{"metadata": {"total_size": N}, "weight_map": {tensor: file}}</c>. Other keys are passed over.
/// </summary>
internal sealed record WeightIndex
{
    /// <summary>More than any index needs, and little enough that a hostile one cannot exhaust memory.</summary>
    private const long LongestFile = 100_000_000;

    private const string Metadata = "metadata";
    private const string TotalSizeKey = "total_size";
    private const string WeightMap = "weight_map";

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Bytes of all tensors' elements, headers not counted; null where the file does not say.</summary>
    public required long? TotalSize { get; init; }

    /// <summary>The file of each tensor: plain names in the folder of the index.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }

    /// <summary>Reads a file. No name in it leaves the folder.</summary>
    /// <exception cref="HybridException">ModelFile: missing or malformed; the message names the file and, where there is one, the tensor.</exception>
    public static WeightIndex Load(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > LongestFile)
            {
                throw Malformed(path, $"{stream.Length} bytes are too many for an index, {LongestFile} are read");
            }

            using JsonDocument document = JsonDocument.Parse(stream);
            Dictionary<string, JsonElement> root = Fields(path, "the file", document.RootElement);
            return new WeightIndex { TotalSize = ReadTotalSize(path, root), Files = ReadFiles(path, root) };
        }
        catch (JsonException error)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: not valid JSON, line {error.LineNumber + 1}: {error.Message.Split('.')[0]}", error);
        }
        catch (InvalidOperationException error) // a name or a text with half of a surrogate pair, or not in UTF-8
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: a text in it is not Unicode", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.ModelFile, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The JSON text, names in order, as Hugging Face writes it.</summary>
    public string Write()
    {
        var map = new JsonObject();
        foreach ((string name, string file) in Files.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            map[name] = file;
        }

        return new JsonObject { [Metadata] = new JsonObject { [TotalSizeKey] = TotalSize }, [WeightMap] = map }.ToJsonString(Format) + "\n";
    }

    /// <summary>A text out of a file for an error's one line: no control characters, and not too long.</summary>
    internal static string Shown(string text)
    {
        string line = new([.. text.Select(letter => char.IsControl(letter) ? '?' : letter)]);
        return line.Length <= 100 ? line : line[..97] + "...";
    }

    private static long? ReadTotalSize(string path, Dictionary<string, JsonElement> root)
    {
        if (!root.TryGetValue(Metadata, out JsonElement metadata) || !Fields(path, Metadata, metadata).TryGetValue(TotalSizeKey, out JsonElement size))
        {
            return null;
        }

        // Some exporters write 16060522496.0.
        return size.ValueKind == JsonValueKind.Number && size.TryGetDecimal(out decimal value) && value >= 0 && value <= long.MaxValue && decimal.IsInteger(value)
            ? (long)value
            : throw Malformed(path, $"{TotalSizeKey} is {Shown(size.GetRawText())}, a number of bytes is expected");
    }

    private static Dictionary<string, string> ReadFiles(string path, Dictionary<string, JsonElement> root)
    {
        if (!root.TryGetValue(WeightMap, out JsonElement map))
        {
            throw Malformed(path, $"{WeightMap} is missing");
        }

        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string tensor, JsonElement value) in Fields(path, WeightMap, map))
        {
            if (value.ValueKind != JsonValueKind.String)
            {
                throw Malformed(path, $"tensor '{Shown(tensor)}' is in {Shown(value.GetRawText())}, the name of a file is expected");
            }

            string file = value.GetString()!;
            if (!IsPlainName(file))
            {
                throw Malformed(path, $"tensor '{Shown(tensor)}' is in '{Shown(file)}', the name of a file in the same folder is expected");
            }

            files.Add(tensor, file);
        }

        return files.Count > 0 ? files : throw Malformed(path, $"{WeightMap} names no tensor");
    }

    /// <summary>Whether a name means something in the folder itself wherever the folder is read: no separator of any system, no step up.</summary>
    private static bool IsPlainName(string name) =>
        name.Length > 0 && name is not ("." or "..") && !name.Any(letter => letter is '/' or '\\' or ':' || char.IsControl(letter));

    /// <summary>An object's fields; a repeated one is an error that names it.</summary>
    private static Dictionary<string, JsonElement> Fields(string path, string what, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Malformed(path, $"{what} is {Shown(value.GetRawText())}, a JSON object is expected");
        }

        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty field in value.EnumerateObject())
        {
            if (!fields.TryAdd(field.Name, field.Value))
            {
                throw Malformed(path, $"{what} has '{Shown(field.Name)}' twice");
            }
        }

        return fields;
    }

    private static HybridException Malformed(string path, string problem) => new(ErrorKind.ModelFile, $"{path}: {problem}");
}
