using System.IO.Compression;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>What <c>./build.sh pack</c> has made.</summary>
internal static class Packed
{
    /// <summary>The packages' folder, which serves as a feed.</summary>
    public static string Folder => RepositoryFolder.PathOf("artifacts/packages");

    /// <summary>The command line in one file.</summary>
    public static string SingleFile => RepositoryFolder.PathOf("artifacts/single/hybrid");

    /// <summary>The version that all packages have.</summary>
    public static string Version
    {
        get
        {
            string[] packages = [.. Directory.EnumerateFiles(Folder, "*.nupkg").Select(path => Path.GetFileNameWithoutExtension(path))];
            string[] versions = [.. packages.Select(name => string.Join('.', name.Split('.').SkipWhile(part => !char.IsAsciiDigit(part[0])))).Distinct()];
            return Assert.Single(versions);
        }
    }

    /// <summary>The path of a package, e.g. of Hybrid.Interop and nupkg.</summary>
    public static string PathOf(string id, string kind) => Path.Combine(Folder, $"{id}.{Version}.{kind}");

    /// <summary>A package's files, without those that the format itself wants.</summary>
    public static SortedDictionary<string, byte[]> Files(string path)
    {
        using ZipArchive archive = ZipFile.OpenRead(path);
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (ZipArchiveEntry entry in archive.Entries.Where(entry => !IsOfTheFormat(entry.FullName)))
        {
            using Stream stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            files.Add(entry.FullName, bytes.ToArray());
        }

        return files;
    }

    private static bool IsOfTheFormat(string name) => name is "[Content_Types].xml" or "_rels/.rels" || name.StartsWith("package/services/", StringComparison.Ordinal);
}

/// <summary>A fact about packages, skipped, with the reason in the report, where none have been made; build.sh's tests make them first.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PackagesFactAttribute : FactAttribute
{
    /// <summary>Looks for them.</summary>
    public PackagesFactAttribute() => Skip = PackagesTheoryAttribute.Reason;
}

/// <summary>A theory about packages, skipped as <see cref="PackagesFactAttribute"/> is.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PackagesTheoryAttribute : TheoryAttribute
{
    /// <summary>Looks for them.</summary>
    public PackagesTheoryAttribute() => Skip = Reason;

    internal static string? Reason => Directory.Exists(Packed.Folder) && File.Exists(Packed.SingleFile) ? null : "needs artifacts/packages and artifacts/single, which ./build.sh pack makes";
}
