using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hybrid.Orchestrator.Runs;

/// <summary>Writes nested dictionaries, lists, texts, numbers and booleans as the plain part of YAML that <see cref="YamlTree"/> reads.</summary>
internal static partial class YamlText
{
    /// <summary>The text, a line a key; lists of plain values stand in one line.</summary>
    public static string Write(IReadOnlyDictionary<string, object> section)
    {
        StringBuilder text = new();
        Append(text, section, indent: 0);
        return text.ToString();
    }

    private static void Append(StringBuilder text, IReadOnlyDictionary<string, object> section, int indent)
    {
        foreach ((string key, object value) in section)
        {
            text.Append(' ', indent).Append(key).Append(':');
            switch (value)
            {
                case IReadOnlyDictionary<string, object> inner:
                    text.Append('\n');
                    Append(text, inner, indent + 2);
                    break;
                case object[] items when items.Any(item => item is IReadOnlyDictionary<string, object>):
                    text.Append('\n');
                    AppendSections(text, items.Cast<IReadOnlyDictionary<string, object>>(), indent + 2);
                    break;
                case object[] items:
                    text.Append(" [").AppendJoin(", ", items.Select(Format)).Append("]\n");
                    break;
                default:
                    text.Append(' ').Append(Format(value)).Append('\n');
                    break;
            }
        }
    }

    private static void AppendSections(StringBuilder text, IEnumerable<IReadOnlyDictionary<string, object>> sections, int indent)
    {
        foreach (IReadOnlyDictionary<string, object> section in sections)
        {
            StringBuilder inner = new();
            Append(inner, section, indent + 2);
            text.Append(' ', indent).Append("- ").Append(inner, indent + 2, inner.Length - indent - 2);
        }
    }

    private static string Format(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e'),
        string word when PlainWord().IsMatch(word) => word,
        string other => JsonSerializer.Serialize(other), // YAML's double-quoted texts take JSON's escapes
        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
    };

    [GeneratedRegex("^[A-Za-z0-9_./+-]*[A-Za-z0-9][A-Za-z0-9_./+-]*$")]
    private static partial Regex PlainWord();
}
