using System.Text;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>Names for files and ids, made of free text: lower-case letters, digits and hyphens, each given once.</summary>
internal sealed class UniqueNames
{
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);

    /// <summary>A name for a text; with a number behind it where the name is taken.</summary>
    public string For(string text)
    {
        var slug = new StringBuilder();
        foreach (char letter in text.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(letter))
            {
                slug.Append(letter);
            }
            else if (slug.Length > 0 && slug[^1] != '-')
            {
                slug.Append('-');
            }
        }

        string name = slug.ToString().TrimEnd('-') is { Length: > 0 } made ? made : "unnamed", free = name;
        for (int number = 2; !taken.Add(free); number++)
        {
            free = $"{name}-{number}";
        }

        return free;
    }
}
