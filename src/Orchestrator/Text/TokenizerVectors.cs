using System.Text;
using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// Texts with the ids that another implementation gives them, to hold a <see cref="Tokenizer"/> against. The file is JSON
/// Lines: each line is <c>{"text": "…", "ids": [1, 2, …]}</c> and nothing else.
/// </summary>
internal sealed class TokenizerVectors
{
    private TokenizerVectors(IReadOnlyList<TokenizerVector> vectors) => Vectors = vectors;

    /// <summary>The vectors, in file order; at least one.</summary>
    public IReadOnlyList<TokenizerVector> Vectors { get; }

    /// <summary>Reads a file of vectors.</summary>
    /// <exception cref="HybridException">
    /// <see cref="ErrorKind.DataFile"/>: the file is missing or empty, or a line (which the message names) is malformed.
    /// </exception>
    public static TokenizerVectors Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string reason = File.Exists(path) ? exception.Message : "no such file";
            throw new HybridException(ErrorKind.DataFile, $"{path}: cannot read the vectors: {reason}", exception);
        }

        // Lines are cut at line feeds in the bytes: a text reader would also cut at the lone carriage returns of older files.
        List<TokenizerVector> vectors = [];
        ReadOnlyMemory<byte> rest = bytes;
        for (int line = 1; rest.Length > 0; line++)
        {
            int end = rest.Span.IndexOf((byte)'\n');
            vectors.Add(Parse(path, line, end < 0 ? rest : rest[..end]));
            rest = end < 0 ? default : rest[(end + 1)..];
        }

        return vectors.Count > 0
            ? new TokenizerVectors(vectors)
            : throw new HybridException(ErrorKind.DataFile, $"{path}: expected at least one line with a text and its ids, got an empty file.");
    }

    /// <summary>Encodes every text, with special tokens matched and no template, and compares.</summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.Tokenizer"/>: a text cannot be encoded.</exception>
    public TokenizerVectorReport Compare(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        List<TokenizerVectorMismatch> mismatches = [];
        foreach (TokenizerVector vector in Vectors)
        {
            int[] actual = tokenizer.Encode(vector.Text);
            if (!actual.AsSpan().SequenceEqual(vector.Ids.ToArray()))
            {
                mismatches.Add(new TokenizerVectorMismatch(vector, actual));
            }
        }

        return new TokenizerVectorReport(Vectors.Count, mismatches);
    }

    private static TokenizerVector Parse(string path, int line, ReadOnlyMemory<byte> json)
    {
        HybridException Wrong(string problem, Exception? inner = null) => new(
            ErrorKind.DataFile, $"{path}:{line}: expected {{\"text\": \"…\", \"ids\": [1, 2, …]}}: {problem}.", inner);

        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Wrong($"got {JsonSection.Describe(root)}");
            }

            foreach (JsonProperty property in root.EnumerateObject())
            {
                if (property.Name is not ("text" or "ids"))
                {
                    throw Wrong($"unknown key {JsonSection.Quote(property.Name)}");
                }
            }

            if (!root.TryGetProperty("text", out JsonElement text) || text.ValueKind != JsonValueKind.String)
            {
                throw Wrong("text is not a string");
            }

            if (!root.TryGetProperty("ids", out JsonElement ids) || ids.ValueKind != JsonValueKind.Array)
            {
                throw Wrong("ids is not an array");
            }

            List<int> values = new(ids.GetArrayLength());
            foreach (JsonElement id in ids.EnumerateArray())
            {
                values.Add(id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int value) && value >= 0
                    ? value
                    : throw Wrong($"ids[{values.Count}] is {JsonSection.Describe(id)}, not an id"));
            }

            return new TokenizerVector(line, text.GetString()!, values);
        }
        catch (JsonException exception)
        {
            throw Wrong(JsonFault.Of(exception), exception);
        }
        catch (InvalidOperationException exception)
        {
            // The JSON reader's way to report a broken UTF-8 sequence or an unpaired surrogate in a string.
            throw Wrong("a string is not valid Unicode text", exception);
        }
    }
}

/// <summary>A text and the ids it must have.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Text">The text.</param>
/// <param name="Ids">The ids, without those of a template.</param>
internal sealed record TokenizerVector(int Line, string Text, IReadOnlyList<int> Ids);

/// <summary>A text that was given other ids than it must have.</summary>
/// <param name="Vector">What was expected.</param>
/// <param name="Actual">The ids it was given.</param>
internal sealed record TokenizerVectorMismatch(TokenizerVector Vector, IReadOnlyList<int> Actual)
{
    /// <summary>The first place where the ids differ, counted from 0; the length of the shorter where one starts with the other.</summary>
    public int FirstDifference => Vector.Ids.Zip(Actual).TakeWhile(pair => pair.First == pair.Second).Count();
}

/// <summary>How a tokenizer did on a set of vectors.</summary>
/// <param name="Total">The number of vectors.</param>
/// <param name="Mismatches">Those that did not match, in file order.</param>
internal sealed record TokenizerVectorReport(int Total, IReadOnlyList<TokenizerVectorMismatch> Mismatches)
{
    /// <summary>The number of vectors that matched.</summary>
    public int Matched => Total - Mismatches.Count;
}
