using System.Text.Encodings.Web;
using System.Text.Json;

namespace Hybrid.Orchestrator.Text;

/// <summary>Writes a tokenizer.json of Llama 3's shape.</summary>
internal static class TokenizerJsonWriter
{
    private const string BeginOfText = "<|begin_of_text|>";

    /// <param name="tokens">The model's tokens in the byte-level alphabet; the id of each is its index.</param>
    /// <param name="merges">The merges by rank.</param>
    /// <param name="specialTokens">Special tokens, whose ids follow the model's. A begin-of-text token among them starts every template.</param>
    public static byte[] Write(
        IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges, IReadOnlyList<string> specialTokens)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("version", "1.0");
            writer.WriteNull("truncation");
            writer.WriteNull("padding");
            writer.WriteStartArray("added_tokens");
            for (int i = 0; i < specialTokens.Count; i++)
            {
                WriteSpecialToken(writer, tokens.Count + i, specialTokens[i]);
            }

            writer.WriteEndArray();
            writer.WriteNull("normalizer");
            WritePreTokenizer(writer);
            int begin = specialTokens.ToList().IndexOf(BeginOfText);
            WritePostProcessor(writer, begin < 0 ? null : tokens.Count + begin);
            writer.WriteStartObject("decoder");
            WriteByteLevel(writer, addPrefixSpace: true, useRegex: true);
            WriteModel(writer, tokens, merges);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteSpecialToken(Utf8JsonWriter writer, int id, string content)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", id);
        writer.WriteString("content", content);
        writer.WriteBoolean("single_word", false);
        writer.WriteBoolean("lstrip", false);
        writer.WriteBoolean("rstrip", false);
        writer.WriteBoolean("normalized", false);
        writer.WriteBoolean("special", true);
        writer.WriteEndObject();
    }

    private static void WritePreTokenizer(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("pre_tokenizer");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("pretokenizers");
        writer.WriteStartObject();
        writer.WriteString("type", "Split");
        writer.WriteStartObject("pattern");
        writer.WriteString("Regex", PieceScanners.Llama3Pattern);
        writer.WriteEndObject();
        writer.WriteString("behavior", "Isolated");
        writer.WriteBoolean("invert", false);
        writer.WriteEndObject();
        writer.WriteStartObject();
        WriteByteLevel(writer, addPrefixSpace: false, useRegex: false);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WritePostProcessor(Utf8JsonWriter writer, int? beginId)
    {
        if (beginId is not { } id)
        {
            writer.WriteNull("post_processor");
            return;
        }

        writer.WriteStartObject("post_processor");
        writer.WriteString("type", "TemplateProcessing");
        writer.WriteStartArray("single");
        WriteTemplatePiece(writer, "SpecialToken", BeginOfText, type: 0);
        WriteTemplatePiece(writer, "Sequence", "A", type: 0);
        writer.WriteEndArray();
        writer.WriteStartArray("pair");
        WriteTemplatePiece(writer, "SpecialToken", BeginOfText, type: 0);
        WriteTemplatePiece(writer, "Sequence", "A", type: 0);
        WriteTemplatePiece(writer, "SpecialToken", BeginOfText, type: 1);
        WriteTemplatePiece(writer, "Sequence", "B", type: 1);
        writer.WriteEndArray();
        writer.WriteStartObject("special_tokens");
        writer.WriteStartObject(BeginOfText);
        writer.WriteString("id", BeginOfText);
        writer.WriteStartArray("ids");
        writer.WriteNumberValue(id);
        writer.WriteEndArray();
        writer.WriteStartArray("tokens");
        writer.WriteStringValue(BeginOfText);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteTemplatePiece(Utf8JsonWriter writer, string kind, string id, int type)
    {
        writer.WriteStartObject();
        writer.WriteStartObject(kind);
        writer.WriteString("id", id);
        writer.WriteNumber("type_id", type);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    // Fills and closes an object that the caller has opened.
    private static void WriteByteLevel(Utf8JsonWriter writer, bool addPrefixSpace, bool useRegex)
    {
        writer.WriteString("type", "ByteLevel");
        writer.WriteBoolean("add_prefix_space", addPrefixSpace);
        writer.WriteBoolean("trim_offsets", true);
        writer.WriteBoolean("use_regex", useRegex);
        writer.WriteEndObject();
    }

    private static void WriteModel(
        Utf8JsonWriter writer, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges)
    {
        writer.WriteStartObject("model");
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteNull("unk_token");
        writer.WriteNull("continuing_subword_prefix");
        writer.WriteNull("end_of_word_suffix");
        writer.WriteBoolean("fuse_unk", false);
        writer.WriteBoolean("byte_fallback", false);
        writer.WriteBoolean("ignore_merges", true);
        writer.WriteStartObject("vocab");
        for (int id = 0; id < tokens.Count; id++)
        {
            writer.WriteNumber(tokens[id], id);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("merges");
        foreach ((string left, string right) in merges)
        {
            // The older form, which every version of Hugging Face's library reads.
            writer.WriteStringValue($"{left} {right}");
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
