using System.ComponentModel;
using System.Diagnostics;

namespace Hybrid.Sbom;

/// <summary>The libraries that the loader brings in with libhybrid, by the Debian packages that own them.</summary>
internal static class LinkedLibraries
{
    /// <summary>What libhybrid calls through LibTorch, though it does not name it.</summary>
    private static readonly string[] Called = ["libgomp.so", "libblas.so", "libopenblas.so"];

    /// <summary>The components; a library that no package owns is one of its own, of unknown version and licence.</summary>
    /// <exception cref="InvalidDataException">The loader does not find a library.</exception>
    public static IReadOnlyList<Component> Components(string library)
    {
        string[] needed = [.. Lines("readelf", "-d", library).Where(line => line.Contains("(NEEDED)", StringComparison.Ordinal)).Select(line => line[(line.IndexOf('[', StringComparison.Ordinal) + 1)..line.IndexOf(']', StringComparison.Ordinal)])];
        Dictionary<string, string> paths = Loaded(library);
        Dictionary<string, string> owners = Owners([.. paths.Values]);
        Dictionary<string, string> versions = Versions([.. owners.Values.Distinct(StringComparer.Ordinal)]);
        return
        [
            .. paths.GroupBy(path => owners.GetValueOrDefault(path.Value, path.Key), StringComparer.Ordinal).Select(group => new Component
            {
                Name = group.Key,
                Version = versions.GetValueOrDefault(group.Key, "unknown"),
                Licence = versions.ContainsKey(group.Key) ? Copyright.Licence($"/usr/share/doc/{group.Key}/copyright") : "unknown",
                Delivery = group.Any(path => needed.Contains(path.Key) || Called.Any(name => path.Key.StartsWith(name, StringComparison.Ordinal))) ? Delivery.Linked : Delivery.Behind,
                Url = versions.TryGetValue(group.Key, out string? version) ? $"pkg:deb/debian/{group.Key}@{Uri.EscapeDataString(version)}" : null,
                Files = [.. group.Select(path => path.Value).Order(StringComparer.Ordinal)],
            }).OrderBy(component => component.Delivery).ThenBy(component => component.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Names and paths, links followed, of everything that is loaded.</summary>
    private static Dictionary<string, string> Loaded(string library)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in Lines("ldd", library))
        {
            string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (line.Contains("not found", StringComparison.Ordinal))
            {
                throw new InvalidDataException($"{library}: needs {words[0]}, which the loader does not find");
            }

            string? path = words is [_, "=>", _, ..] ? words[2] : words[0].StartsWith('/') ? words[0] : null;
            if (path is not null)
            {
                paths[Path.GetFileName(words[0])] = Lines("realpath", path)[0];
            }
        }

        return paths;
    }

    // Where /lib is a link to /usr/lib, a package may have its file on record under either.
    private static Dictionary<string, string> Owners(string[] paths)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in Lines("dpkg-query", ["-S", .. paths.SelectMany(path => new[] { path, WithoutUsr(path) }).Distinct(StringComparer.Ordinal)]))
        {
            string[] parts = line.Split(": ");
            if (parts is [var package, var file] && !package.StartsWith("diversion", StringComparison.Ordinal) && Array.Find(paths, path => path == file || WithoutUsr(path) == file) is { } path)
            {
                owners[path] = package.Split(',')[0].Split(':')[0];
            }
        }

        return owners;
    }

    private static string WithoutUsr(string path) => path.StartsWith("/usr/lib", StringComparison.Ordinal) ? path["/usr".Length..] : path;

    private static Dictionary<string, string> Versions(string[] packages) =>
        packages.Length == 0 ? [] : Lines("dpkg-query", ["-W", "-f", "${Package} ${Version}\n", .. packages])
            .Select(line => line.Split(' ')).DistinctBy(words => words[0]).ToDictionary(words => words[0], words => words[1], StringComparer.Ordinal);

    // What a program prints; nothing where it is not there. dpkg-query fails if one path of many has no owner, and prints the others.
    private static string[] Lines(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            error.Wait();
            process.WaitForExit();
            return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Win32Exception)
        {
            return [];
        }
    }
}
