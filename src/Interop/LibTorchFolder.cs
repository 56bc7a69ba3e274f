using System.Text.RegularExpressions;

namespace Hybrid.Interop;

/// <summary>A folder that may hold a LibTorch: an unpacked archive, a PyTorch package, a prefix such as /usr, or the libraries themselves.</summary>
internal static partial class LibTorchFolder
{
    /// <summary>Where the libraries lie below such a folder.</summary>
    private static readonly string[] Below = ["lib", "lib/x86_64-linux-gnu", "."];

    /// <summary>Looks whether a folder has what is needed.</summary>
    /// <returns>The folder of the libraries, or what was found instead, in words.</returns>
    public static (string? Libraries, string Found) Inspect(string folder, LibTorchNeed need)
    {
        if (!Directory.Exists(folder))
        {
            return (null, $"{folder} is no folder");
        }

        string[] libraries = [.. Below.Select(below => below == "." ? folder : Path.Combine(folder, below))];
        string? others = null;
        foreach (string candidate in libraries.Where(Directory.Exists))
        {
            string[] missing = [.. need.Names.Where(name => !File.Exists(Path.Combine(candidate, name)))];
            string? version = VersionOf(folder, candidate, need);
            string? difference = need.Difference(version);
            if (missing.Length == 0 && difference is null)
            {
                return (candidate, $"LibTorch {version ?? "of unknown version"} in {candidate}");
            }

            if (missing.Length < need.Names.Count || version is not null)
            {
                others ??= difference is not null
                    ? $"LibTorch {version} in {candidate}, {difference} the {need.Version} needed"
                    : $"LibTorch {version ?? "of unknown version"} in {candidate}, without {string.Join(" and ", missing)}";
            }
        }

        return (null, others ?? $"none in {string.Join(", ", libraries)}");
    }

    /// <summary>The version of the libraries in a folder: in their names as Debian has it, else as archives, wheels and headers say it.</summary>
    private static string? VersionOf(string folder, string libraries, LibTorchNeed need)
    {
        string[] stems = [.. need.Names.Select(LibTorchNeed.Stem).Distinct()];
        string[] files = [.. stems.SelectMany(stem => Directory.EnumerateFiles(libraries, stem + "*")).Select(path => Path.GetFileName(path)).Where(name => stems.Contains(LibTorchNeed.Stem(name)))];
        if (files.Length == 0)
        {
            return null;
        }

        // The version that is asked for is the one that counts where several lie side by side.
        string[] named = [.. files.Select(LibTorchNeed.VersionInName).OfType<string>().OrderByDescending(version => need.Difference(version) is null).ThenByDescending(version => version.Length)];
        return named.FirstOrDefault()
            ?? FirstLine(Path.Combine(folder, "build-version"))
            ?? Match(Path.Combine(folder, "version.py"), PythonVersion())
            ?? new[] { "torch/csrc/api/include/torch/version.h", "torch/headeronly/version.h" }.Select(header => Match(Path.Combine(folder, "include", header), HeaderVersion())).FirstOrDefault(found => found is not null);
    }

    private static string? FirstLine(string path) => File.Exists(path) ? File.ReadLines(path).FirstOrDefault()?.Trim() : null;

    private static string? Match(string path, Regex pattern) =>
        File.Exists(path) && pattern.Match(File.ReadAllText(path)) is { Success: true } match ? string.Join('.', match.Groups.Values.Skip(1).Select(group => group.Value)) : null;

    [GeneratedRegex("""^__version__\s*=\s*['"]([0-9][^'"]*)['"]""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex PythonVersion();

    [GeneratedRegex(@"#define TORCH_VERSION_MAJOR (\d+)[\s\S]*#define TORCH_VERSION_MINOR (\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex HeaderVersion();
}
