using System.Text.Json;

namespace Hybrid.Orchestrator.Data;

/// <summary>The types that fields of the data files have.</summary>
internal enum JsonlFieldType
{
    /// <summary>A JSON string with something in it besides white space.</summary>
    Text,

    /// <summary>A JSON number that is a 32-bit integer.</summary>
    Integer,

    /// <summary>A string or a number: published files have years as both.</summary>
    Scalar,

    /// <summary>A list of strings or numbers.</summary>
    ScalarList,
}

/// <summary>
/// Which fields a kind of data file has: the required ones, the others it may have, and whether further ones are ignored.
/// </summary>
internal sealed record JsonlSchema
{
    /// <summary>Questions: <c>split_i.jsonl</c>, <c>mmlu_*.jsonl</c>, <c>dev.jsonl</c>.</summary>
    public static readonly JsonlSchema Question = new()
    {
        Required = new(StringComparer.Ordinal)
        {
            ["question"] = JsonlFieldType.Text,
            ["choices"] = JsonlFieldType.ScalarList,
            ["answer"] = JsonlFieldType.Integer,
        },
        Optional = new(StringComparer.Ordinal)
        {
            ["text"] = JsonlFieldType.Text,
            ["split"] = JsonlFieldType.Text,
            ["correct_year"] = JsonlFieldType.Integer,
            ["original_question"] = JsonlFieldType.Text,
            ["correct_answer"] = JsonlFieldType.Scalar,
            ["wrong_answers"] = JsonlFieldType.ScalarList,
            ["is_false"] = JsonlFieldType.Integer,
        },
        IgnoreUnknown = false,
    };

    /// <summary>
    /// Texts of a dataset: the files with <c>corpus_</c>, <c>whp_corpus_</c>, <c>fwf_corpus_</c>, <c>tf_</c> and <c>mcq_</c>.
    /// </summary>
    public static readonly JsonlSchema Text = new()
    {
        Required = new(StringComparer.Ordinal) { ["text"] = JsonlFieldType.Text },
        Optional = new(StringComparer.Ordinal)
        {
            ["split"] = JsonlFieldType.Text,
            ["question"] = JsonlFieldType.Text,
            ["original_question"] = JsonlFieldType.Text,
            ["choices"] = JsonlFieldType.ScalarList,
            ["answer"] = JsonlFieldType.Integer,
            ["correct_year"] = JsonlFieldType.Integer,
            ["correct_answer"] = JsonlFieldType.Scalar,
            ["wrong_answers"] = JsonlFieldType.ScalarList,
            ["is_false"] = JsonlFieldType.Integer,
        },
        IgnoreUnknown = false,
    };

    /// <summary>
    /// A corpus from elsewhere (FineWeb-Edu, WikiText): <c>text</c> is read, and its other fields are nobody's business here.
    /// </summary>
    public static readonly JsonlSchema ForeignText = new()
    {
        Required = new(StringComparer.Ordinal) { ["text"] = JsonlFieldType.Text },
        Optional = new(StringComparer.Ordinal),
        IgnoreUnknown = true,
    };

    /// <summary>Fields that every row must have.</summary>
    public required Dictionary<string, JsonlFieldType> Required { get; init; }

    /// <summary>Fields that a row may have.</summary>
    public required Dictionary<string, JsonlFieldType> Optional { get; init; }

    /// <summary>True when fields in neither list are skipped; false when they are a fault.</summary>
    public required bool IgnoreUnknown { get; init; }

    /// <summary>Finds the type of a field, or nothing for an unknown one.</summary>
    public bool TryGetType(string name, out JsonlFieldType type) =>
        Required.TryGetValue(name, out type) || Optional.TryGetValue(name, out type);

    /// <summary>Says in words what a type wants.</summary>
    public static string Describe(JsonlFieldType type) => type switch
    {
        JsonlFieldType.Text => "a string",
        JsonlFieldType.Integer => "an integer",
        JsonlFieldType.Scalar => "a string or a number",
        JsonlFieldType.ScalarList => "a list of strings or numbers",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>True when a value has the type.</summary>
    public static bool Fits(JsonElement value, JsonlFieldType type) => type switch
    {
        JsonlFieldType.Text => value.ValueKind is JsonValueKind.String,
        JsonlFieldType.Integer => value.ValueKind is JsonValueKind.Number && value.TryGetInt32(out _),
        JsonlFieldType.Scalar => value.ValueKind is JsonValueKind.String or JsonValueKind.Number,
        JsonlFieldType.ScalarList =>
            value.ValueKind is JsonValueKind.Array && value.EnumerateArray().All(item => Fits(item, JsonlFieldType.Scalar)),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>A string as it is, a number as its JSON text (1965 as "1965", 1.50 as "1.50").</summary>
    public static string Render(JsonElement scalar) =>
        scalar.ValueKind is JsonValueKind.String ? scalar.GetString()! : scalar.GetRawText();
}
