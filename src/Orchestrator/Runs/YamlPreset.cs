namespace Hybrid.Orchestrator.Runs;

/// <summary>The key <c>preset</c>, which may begin a section: what the section does not give is then that preset's.</summary>
internal static class YamlPreset
{
    private const string Key = "preset";

    /// <summary>The preset's name, null where there is none, and the rest of the section.</summary>
    /// <exception cref="HybridException">Config: the key is not the first, or names no preset.</exception>
    public static (string? Preset, YamlMapping Section) Take(string file, YamlMapping section, IReadOnlyList<string> names)
    {
        int at = section.Entries.ToList().FindIndex(entry => entry.Key.Text == Key);
        if (at < 0)
        {
            return (null, section);
        }

        (YamlScalar key, YamlValue value) = section.Entries[at];
        if (at > 0)
        {
            throw YamlTree.At(file, key.Line, $"key '{Key}' must be the first");
        }

        return value is YamlScalar { Text: var name } && names.Contains(name)
            ? (name, section with { Entries = [.. section.Entries.Skip(1)] })
            : throw YamlTree.At(file, value.Line, $"{Key}: expected {string.Join(" or ", names)}, found {value.Description}");
    }
}
