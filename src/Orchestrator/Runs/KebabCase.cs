using System.Text;

namespace Hybrid.Orchestrator.Runs;

/// <summary>How configurations and the command line spell the names of properties and enumeration values.</summary>
internal static class KebabCase
{
    /// <summary>
    /// Lower case with a hyphen before each word: <c>QuestionLetterAnswer</c> is <c>question-letter-answer</c>. A word begins at a capital
    /// that a small letter follows, so that <c>AdamW</c> is <c>adamw</c>.
    /// </summary>
    public static string Of(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        StringBuilder text = new(name.Length + 4);
        for (int i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(name[i]) && i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1]))
            {
                text.Append('-');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }

    /// <summary>The names of an enumeration's values, in the order of their declaration.</summary>
    public static IReadOnlyList<string> NamesOf<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(Of)];

    /// <summary>The value with a name, or null.</summary>
    public static T? Find<T>(string name)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (Of(value.ToString()) == name)
            {
                return value;
            }
        }

        return null;
    }
}
