using System.Runtime.InteropServices;
using System.Text;

namespace Hybrid.Interop;

/// <summary>
/// Finds LibTorch for a libhybrid: in the folder that the program or LIBTORCH names, and nowhere else then; otherwise as the system's loader does;
/// where that fails, in python3's PyTorch and below the usual prefixes. docs/packages.md tells users the same.
/// </summary>
internal sealed record LibTorchFinder
{
    /// <summary>The environment variable that names a folder.</summary>
    public const string Variable = "LIBTORCH";

    private const string HowToName = $"name the folder of the right one in {Variable}, or with Runtime.UseLibTorch";

    /// <summary>The folder that the program has named, or null.</summary>
    public required string? Option { get; init; }

    /// <summary>LIBTORCH's value, or null.</summary>
    public required string? Environment { get; init; }

    /// <summary>LD_LIBRARY_PATH's folders, where the system's loader has looked.</summary>
    public required IReadOnlyList<string> LoaderFolders { get; init; }

    /// <summary>The program that is asked for its PyTorch.</summary>
    public required string Python { get; init; }

    /// <summary>Prefixes such as /usr.</summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>The finder for this process.</summary>
    /// <param name="option">The folder that the program has named, or null.</param>
    public static LibTorchFinder OfProcess(string? option) => new()
    {
        Option = option,
        Environment = System.Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? Path.GetFullPath(named) : null,
        LoaderFolders = (System.Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries),
        Python = "python3",
        Prefixes = ["/usr/local", "/usr"],
    };

    /// <summary>Loads the LibTorch that the program or LIBTORCH names, if either does.</summary>
    /// <param name="library">The libhybrid's path.</param>
    /// <exception cref="DllNotFoundException">It is not there, or of another version than the library needs, or cannot be loaded.</exception>
    public void PreloadNamed(string library)
    {
        if ((Option ?? Environment) is { } folder && LibTorchNeed.Of(library) is { } need)
        {
            Preload(FromNamed(folder, need), need);
        }
    }

    /// <summary>Looks further where the system's loader could not load a libhybrid, and loads the LibTorch that is found.</summary>
    /// <param name="library">The libhybrid's path.</param>
    /// <param name="reason">What the system's loader said.</param>
    /// <returns>Whether to try again: false where the reason is another one, or the place of LibTorch was named.</returns>
    /// <exception cref="DllNotFoundException">The right LibTorch is nowhere: the message says what was needed and what was found where. Or it cannot be loaded.</exception>
    public bool PreloadFound(string library, string reason)
    {
        if ((Option ?? Environment) is not null || !IsAboutLibTorch(reason) || LibTorchNeed.Of(library) is not { } need)
        {
            return false;
        }

        Preload(Search(need), need);
        return true;
    }

    /// <summary>The folder of the libraries below the one that the user has named.</summary>
    /// <exception cref="DllNotFoundException">They are not there, or of another version.</exception>
    private string FromNamed(string folder, LibTorchNeed need)
    {
        (string? libraries, string found) = LibTorchFolder.Inspect(folder, need);
        return libraries ?? throw new DllNotFoundException($"{need.Library}: needs {need}, but {(Option is null ? Variable : "Runtime.UseLibTorch")} names {folder}: {found}");
    }

    /// <summary>The first place that has what is needed.</summary>
    /// <exception cref="DllNotFoundException">None has; the message names them all.</exception>
    private string Search(LibTorchNeed need)
    {
        List<string> looked = [];
        foreach ((string name, Func<(string? Folder, string Found)> place) in Places(need))
        {
            (string? folder, string found) = place();
            if (folder is not null)
            {
                (string? libraries, found) = LibTorchFolder.Inspect(folder, need);
                if (libraries is not null)
                {
                    return libraries;
                }
            }

            looked.Add($"{name}: {found}");
        }

        throw new DllNotFoundException($"{need.Library}: needs {need}, which the system's loader did not find and which was looked for in {string.Join("; ", looked)}; {HowToName}");
    }

    private IEnumerable<(string Name, Func<(string? Folder, string Found)> Place)> Places(LibTorchNeed need) =>
    [
        .. need.SearchFolders.Select(folder => Place("its RUNPATH", folder)),
        .. LoaderFolders.Select(folder => Place("LD_LIBRARY_PATH", folder)),
        ("python3's PyTorch", () => PythonTorch.Find(Python)),
        .. Prefixes.Select(folder => Place(folder, folder)),
    ];

    private static (string Name, Func<(string? Folder, string Found)> Place) Place(string name, string folder) => (name, () => (folder, folder));

    // "libc10.so: cannot open shared object file", "undefined symbol: _ZN3c10...", "libtorch_cpu.so.1.13: version `X' not found".
    private static bool IsAboutLibTorch(string message) =>
        message.Contains("undefined symbol", StringComparison.Ordinal)
        || message.Split([' ', ':', '/', '\n', '\''], StringSplitOptions.RemoveEmptyEntries).Any(word => LibTorchNeed.IsLibTorch(word) && word.Contains(".so", StringComparison.Ordinal));

    /// <summary>
    /// Loads LibTorch's own libraries, those behind others first; libhybrid then finds them by their names, in the process and not on the disk.
    /// </summary>
    private static void Preload(string folder, LibTorchNeed need)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string[] mapped = [.. File.ReadLines("/proc/self/maps").Select(line => line.IndexOf('/', StringComparison.Ordinal) is > 0 and int at ? line[at..] : string.Empty).Distinct()];
        foreach (string name in need.Names)
        {
            Visit(name);
        }

        void Visit(string name)
        {
            string path = Path.Combine(folder, name);
            if (!LibTorchNeed.IsLibTorch(name) || !File.Exists(path) || !seen.Add(name))
            {
                return;
            }

            foreach (string behind in ElfFile.Read(path)?.Needed ?? [])
            {
                Visit(behind);
            }

            RequireOnlyOne(path, name, mapped);
            if (NativeLoader.TryLoad(path, out _) is { } reason)
            {
                throw new DllNotFoundException($"{path}: cannot be loaded: {reason}; it was to be loaded for {need.Library}");
            }
        }
    }

    /// <summary>Refuses to load what the process has from elsewhere: two copies of LibTorch in one process share nothing but their symbols' names.</summary>
    private static void RequireOnlyOne(string path, string name, string[] mapped)
    {
        string stem = LibTorchNeed.Stem(name), real = RealPath(path);
        if (mapped.FirstOrDefault(other => LibTorchNeed.Stem(Path.GetFileName(other)) == stem && other != real) is { } loaded)
        {
            throw new DllNotFoundException($"{path}: cannot be loaded: this process has {loaded} already; use that LibTorch, or name the other one before anything loads one");
        }
    }

    private static string RealPath(string path)
    {
        byte[] buffer = new byte[4096]; // PATH_MAX
        return RealPath(path, buffer) == 0 ? path : Encoding.UTF8.GetString(buffer, 0, Array.IndexOf(buffer, (byte)0));
    }

    [DllImport("libc", EntryPoint = "realpath", CharSet = CharSet.Ansi)]
    private static extern nint RealPath(string path, byte[] buffer);
}
