using System.Globalization;

namespace Hybrid.Interop;

/// <summary>The LibTorch that a libhybrid was built for; another version has other layouts and symbols.</summary>
internal sealed record LibTorchNeed
{
    /// <summary>The libhybrid's path.</summary>
    public required string Library { get; init; }

    /// <summary>The names of LibTorch's libraries that it needs, e.g. libtorch_cpu.so.1.13 of Debian's and libtorch_cpu.so of a wheel.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Major and minor version, e.g. 1.13; null where neither the names nor the file say.</summary>
    public required string? Version { get; init; }

    /// <summary>Folders that the library itself names for the libraries behind it.</summary>
    public required IReadOnlyList<string> SearchFolders { get; init; }

    /// <summary>Reads what a library needs.</summary>
    /// <returns>Null where it is no library, or needs no LibTorch.</returns>
    public static LibTorchNeed? Of(string library)
    {
        if (!File.Exists(library) || ElfFile.Read(library) is not { } file || file.Needed.Where(IsLibTorch).ToArray() is not { Length: > 0 } names)
        {
            return null;
        }

        string? version = file.LibTorchVersion ?? names.Select(VersionInName).FirstOrDefault(found => found is not null);
        return new LibTorchNeed { Library = library, Names = names, Version = version is null ? null : MajorMinor(version), SearchFolders = file.SearchFolders };
    }

    /// <summary>As it is told to the user, e.g. "LibTorch 1.13 (libtorch_cpu.so.1.13, libc10.so.1.13)".</summary>
    public override string ToString() => $"LibTorch {(Version is null ? string.Empty : Version + " ")}({string.Join(", ", Names)})";

    /// <summary>Whether a library's name is one of LibTorch's.</summary>
    public static bool IsLibTorch(string name) => name.StartsWith("libtorch", StringComparison.Ordinal) || name.StartsWith("libc10", StringComparison.Ordinal);

    /// <summary>A library's name without the version that may follow, e.g. libc10.so of libc10.so.1.13.</summary>
    public static string Stem(string name) => name.IndexOf(".so", StringComparison.Ordinal) is > 0 and int at ? name[..(at + 3)] : name;

    /// <summary>What follows .so in a library's name, e.g. 1.13 of libc10.so.1.13; null for nothing, or for anything but numbers.</summary>
    public static string? VersionInName(string name)
    {
        string rest = name[Stem(name).Length..].TrimStart('.');
        return rest.Length > 0 && rest.Split('.').All(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _)) ? rest : null;
    }

    /// <summary>How a version that was found stands to the one needed: "older than", "newer than" or "not"; null where they agree or one is not known.</summary>
    public string? Difference(string? found)
    {
        if (Version is null || found is null || MajorMinor(found) == Version)
        {
            return null;
        }

        return System.Version.TryParse(MajorMinor(found), out Version? other) && System.Version.TryParse(Version, out Version? needed)
            ? other < needed ? "older than" : "newer than"
            : "not";
    }

    // 2.1.0+cu121 and 2.1 are both 2.1; 2 stays.
    private static string MajorMinor(string version) => string.Join('.', version.Split('+', '-')[0].Split('.').Take(2));
}
