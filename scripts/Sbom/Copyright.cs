namespace Hybrid.Sbom;

/// <summary>A Debian package's copyright file.</summary>
internal static class Copyright
{
    private const string Field = "License:";

    /// <summary>
    /// The short names of the licences, in the file's order: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/. Where the file is
    /// written in another way, its path.
    /// </summary>
    public static string Licence(string path)
    {
        if (!File.Exists(path))
        {
            return "unknown";
        }

        string[] names = [.. File.ReadLines(path).Where(line => line.StartsWith(Field, StringComparison.Ordinal)).Select(line => line[Field.Length..].Trim()).Where(name => name.Length > 0).Distinct(StringComparer.Ordinal)];
        return names.Length > 0 ? string.Join(", ", names) : $"see {path}";
    }
}
