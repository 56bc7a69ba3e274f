using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// Reads data files with one JSON object a line, strictly: UTF-8 without byte order mark, every field known and of its type, no field
/// twice, and no blank line but one at the end. Whatever is wrong is an error that names file, line and what was expected.
/// </summary>
internal static class JsonlReader
{
    /// <summary>
    /// Reads questions: <c>question</c>, four <c>choices</c> (numbers become their JSON text) and <c>answer</c>, an index.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The questions in the file's order; none for an empty file.</returns>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/> for a missing or malformed file,
    /// <see cref="ErrorKind.Io"/> for one that cannot be read.</exception>
    public static IReadOnlyList<MultipleChoiceQuestion> ReadQuestions(string path) =>
        Read(path, JsonlSchema.Question, ToQuestion, Throw);

    /// <summary>Reads the <c>text</c> of every row of a dataset's text file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The texts in the file's order; none for an empty file.</returns>
    /// <exception cref="HybridException">As for <see cref="ReadQuestions"/>.</exception>
    public static IReadOnlyList<string> ReadTexts(string path) => Read(path, JsonlSchema.Text, ToText, Throw);

    /// <summary>Reads the <c>text</c> of every row of a corpus from elsewhere, whose other fields are ignored whatever they are.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The texts in the file's order; none for an empty file.</returns>
    /// <exception cref="HybridException">As for <see cref="ReadQuestions"/>.</exception>
    public static IReadOnlyList<string> ReadForeignTexts(string path) => Read(path, JsonlSchema.ForeignText, ToText, Throw);

    /// <summary>
    /// Reads rows of any kind, handing each fault to <paramref name="onFault"/>; a row with a fault is left out if that returns.
    /// </summary>
    internal static IReadOnlyList<T> Read<T>(string path, JsonlSchema schema, Func<JsonElement, T> convert, Action<DataFault> onFault)
    {
        ReadOnlyMemory<byte> rest = ReadBytes(path);
        List<T> rows = [];
        if (rest.Span.StartsWith(Encoding.UTF8.Preamble))
        {
            onFault(new(DataFaultKind.Encoding, $"{path}:1: starts with a byte order mark; expected UTF-8 without one"));
            rest = rest[Encoding.UTF8.Preamble.Length..];
        }

        for (int line = 1; rest.Length > 0; line++)
        {
            int end = rest.Span.IndexOf((byte)'\n');
            ReadOnlyMemory<byte> bytes = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            try
            {
                if (!bytes.Span.ContainsAnyExcept(" \t\r"u8))
                {
                    if (rest.Length > 0)
                    {
                        throw new RowFaultException(DataFaultKind.BlankLine, "blank line; expected a JSON object");
                    }

                    continue;
                }

                rows.Add(ReadRow(bytes, schema, convert));
            }
            catch (RowFaultException fault)
            {
                onFault(new(fault.Kind, $"{path}:{line}: {fault.Message}"));
            }
        }

        return rows;
    }

    /// <summary>Makes the question of a row that has the fields of <see cref="JsonlSchema.Question"/>.</summary>
    internal static MultipleChoiceQuestion ToQuestion(JsonElement row)
    {
        string[] choices = [.. row.GetProperty("choices").EnumerateArray().Select(JsonlSchema.Render)];
        if (choices.Length != MultipleChoiceQuestion.ChoiceCount)
        {
            throw new RowFaultException(
                DataFaultKind.BadValue, $"field 'choices': expected {MultipleChoiceQuestion.ChoiceCount} choices, found {choices.Length}");
        }

        int blank = Array.FindIndex(choices, string.IsNullOrWhiteSpace);
        if (blank >= 0)
        {
            throw new RowFaultException(DataFaultKind.BadValue, $"field 'choices': choice {blank} is blank; expected some text");
        }

        int answer = row.GetProperty("answer").GetInt32();
        if (answer is < 0 or >= MultipleChoiceQuestion.ChoiceCount)
        {
            throw new RowFaultException(
                DataFaultKind.BadValue,
                $"field 'answer': expected an index from 0 to {MultipleChoiceQuestion.ChoiceCount - 1}, found {answer}");
        }

        return new() { Question = row.GetProperty("question").GetString()!, Choices = choices, Answer = answer };
    }

    private static string ToText(JsonElement row) => row.GetProperty("text").GetString()!;

    /// <summary>What to do with a fault where reading is to stop at the first.</summary>
    internal static void Throw(DataFault fault) => throw new HybridException(ErrorKind.DataFile, fault.Message);

    /// <summary>Reads a whole file, with errors in this library's kinds.</summary>
    internal static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new HybridException(ErrorKind.DataFile, $"{path}: no such file", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Where the first byte that is not UTF-8 stands, or −1.</summary>
    internal static int FindInvalidUtf8(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            return -1;
        }

        int position = 0;
        while (Rune.DecodeFromUtf8(bytes[position..], out _, out int consumed) is System.Buffers.OperationStatus.Done)
        {
            position += consumed;
        }

        return position;
    }

    private static T ReadRow<T>(ReadOnlyMemory<byte> bytes, JsonlSchema schema, Func<JsonElement, T> convert)
    {
        int invalid = FindInvalidUtf8(bytes.Span);
        if (invalid >= 0)
        {
            throw new RowFaultException(
                DataFaultKind.Encoding,
                $"byte {invalid + 1} of the line (0x{bytes.Span[invalid]:X2}) is not UTF-8; expected UTF-8 throughout");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            CheckFields(document.RootElement, schema);
            return convert(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new RowFaultException(
                DataFaultKind.Json, $"not valid JSON at byte {error.BytePositionInLine + 1} of the line; expected one JSON object");
        }
        catch (InvalidOperationException)
        {
            // The only string that the parser accepts and cannot decode: "\ud800" without its other half.
            throw new RowFaultException(DataFaultKind.Json, "a string escapes half of a surrogate pair; expected whole characters");
        }
    }

    private static void CheckFields(JsonElement row, JsonlSchema schema)
    {
        if (row.ValueKind is not JsonValueKind.Object)
        {
            throw new RowFaultException(DataFaultKind.Json, $"expected a JSON object, found {Shorten(row)}");
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonProperty property in row.EnumerateObject())
        {
            if (!seen.Add(property.Name))
            {
                throw new RowFaultException(DataFaultKind.DuplicateField, $"field '{property.Name}' stands twice; expected it once");
            }

            if (schema.TryGetType(property.Name, out JsonlFieldType type))
            {
                CheckType(property, type);
            }
            else if (!schema.IgnoreUnknown)
            {
                string known = string.Join(", ", schema.Required.Keys.Concat(schema.Optional.Keys));
                throw new RowFaultException(DataFaultKind.UnknownField, $"unknown field '{property.Name}'; known are {known}");
            }
        }

        if (schema.Required.Keys.FirstOrDefault(name => !seen.Contains(name)) is string missing)
        {
            throw new RowFaultException(
                DataFaultKind.MissingField, $"no field '{missing}'; expected {JsonlSchema.Describe(schema.Required[missing])}");
        }
    }

    private static void CheckType(JsonProperty property, JsonlFieldType type)
    {
        if (!JsonlSchema.Fits(property.Value, type))
        {
            throw new RowFaultException(
                DataFaultKind.WrongType,
                $"field '{property.Name}': expected {JsonlSchema.Describe(type)}, found {Shorten(property.Value)}");
        }

        if (type is JsonlFieldType.Text && string.IsNullOrWhiteSpace(property.Value.GetString()))
        {
            throw new RowFaultException(DataFaultKind.BadValue, $"field '{property.Name}' is blank; expected some text");
        }
    }

    private static string Shorten(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : text[..37] + "...";
    }

    private sealed class RowFaultException(DataFaultKind kind, string message) : Exception(message)
    {
        public DataFaultKind Kind { get; } = kind;
    }
}
