using System.Security.Cryptography;

namespace Hybrid.Faults.DuringRuns;

/// <summary>Compares what became of a fault with what is promised, and makes the finding of it.</summary>
/// <param name="what">What was done.</param>
internal sealed class Inspection(string what)
{
    private readonly List<string> problems = [];
    private string said = string.Empty;
    private int runs;

    /// <summary>The finding: what was said last, or everything that is not as promised.</summary>
    public Finding Finding => new(what, runs, problems.Count == 0 ? said : string.Join("; ", problems.Distinct()), problems.Count == 0);

    /// <summary>A run must have ended with one of the codes, in one line that says all of this.</summary>
    public Inspection Fails(Ended run, int code, params string[] texts)
    {
        runs++;
        string line = run.Errors.FirstOrDefault() ?? string.Empty;
        said = $"code {run.Code}: {Short(line)}";
        Require(run.Code == code && run.Errors.Length == 1, $"code {code} and one line were expected, not code {run.Code} and {Short(run.Error)}");
        RequireNoInternals(run);
        foreach (string text in texts)
        {
            Require(line.Contains(text, StringComparison.Ordinal), $"'{text}' is missing in: {Short(line)}");
        }

        return this;
    }

    /// <summary>A run must have come to its good end, with a note that says this where one is expected.</summary>
    public Inspection Succeeds(Ended run, string note = "")
    {
        runs++;
        said = note.Length > 0 ? $"code 0, with a note: {note}" : "code 0";
        Require(run.Code == 0 && run.Error.Contains(note, StringComparison.Ordinal), $"code 0 was expected, not code {run.Code} and {Short(run.Error)}");
        return this;
    }

    /// <summary>A run may have come to its good end or failed with one of the codes, but in no other way.</summary>
    public Inspection SucceedsOrFails(Ended run, params int[] codes)
    {
        runs++;
        said = $"code 0 or {string.Join(", ", codes)}, each failure in one line";
        Require(run.Code == 0 || (codes.Contains(run.Code) && run.Errors.Length == 1), $"code {run.Code}: {Short(run.Error)}");
        RequireNoInternals(run);
        return this;
    }

    /// <summary>Something must hold.</summary>
    public Inspection Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            problems.Add(otherwise);
        }

        return this;
    }

    /// <summary>A folder must hold the same files with the same bytes as before.</summary>
    public Inspection Unchanged(IReadOnlyDictionary<string, string> before, string folder)
    {
        IReadOnlyDictionary<string, string> now = FilesOf(folder);
        string[] changed = [.. before.Keys.Union(now.Keys).Where(path => before.GetValueOrDefault(path) != now.GetValueOrDefault(path)).Order(StringComparer.Ordinal)];
        return Require(changed.Length == 0, $"files were changed, left or lost: {string.Join(", ", changed)}");
    }

    /// <summary>The files and folders under a folder, with the hash of what each file holds.</summary>
    public static IReadOnlyDictionary<string, string> FilesOf(string folder) => Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        .ToDictionary(path => Path.GetRelativePath(folder, path), path => Directory.Exists(path) ? "folder" : Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))), StringComparer.Ordinal);

    private void RequireNoInternals(Ended run)
    {
        foreach (string text in new[] { "internal error", "   at ", "BytePositionInLine", "safetensors_open", ".partial-", ".tmp." })
        {
            Require(!run.Error.Contains(text, StringComparison.Ordinal), $"'{text}' is said: {Short(run.Error)}");
        }
    }

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= 300 ? line : $"{line[..150]} … {line[^150..]}";
    }
}
