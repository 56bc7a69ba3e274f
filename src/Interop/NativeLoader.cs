using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace Hybrid.Interop;

/// <summary>Finds libhybrid, prepares the one piece of process state it needs, and refuses a library of another version.</summary>
internal static class NativeLoader
{
    /// <summary>A path to libhybrid.so that is used instead of the places searched otherwise.</summary>
    public const string PathVariable = "HYBRID_LIBRARY";

    private const string Expected = $"expected the libhybrid.so of this version beside the LibTorch that it was built for: build it with ./build.sh, or name it in {PathVariable}";

    private static readonly Lock Gate = new();
    private static nint library;
    private static string? libTorchFolder;

    /// <summary>Names the folder of the LibTorch to load; see <see cref="Runtime.UseLibTorch"/>.</summary>
    /// <exception cref="InvalidOperationException">libhybrid is loaded already.</exception>
    public static void UseLibTorch(string folder)
    {
        lock (Gate)
        {
            libTorchFolder = library == 0
                ? Path.GetFullPath(folder)
                : throw new InvalidOperationException($"Runtime.UseLibTorch: {folder}: libhybrid and its LibTorch are loaded already; call it before anything else of Hybrid");
        }
    }

    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLoader).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != "hybrid")
        {
            return 0;
        }

        lock (Gate)
        {
            if (library == 0)
            {
                SetLibrariesEnvironment();
                library = Load(Locate(Environment.GetEnvironmentVariable(PathVariable), AppContext.BaseDirectory, PackageFolders()), LibTorchFinder.OfProcess(libTorchFolder));
            }

            return library;
        }
    }

    /// <summary>Loads a library and makes sure that it is of this version.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="libTorch">Finds the LibTorch behind it.</param>
    /// <exception cref="DllNotFoundException">It cannot be loaded: it is no library, or LibTorch or oneDNN behind it is missing or another version's.</exception>
    /// <exception cref="NativeException">AbiMismatch.</exception>
    internal static nint Load(string path, LibTorchFinder libTorch)
    {
        RequireWhole(path);
        libTorch.PreloadNamed(path);
        string? reason = TryLoad(path, out nint handle);
        if (reason is not null && libTorch.PreloadFound(path, reason))
        {
            reason = TryLoad(path, out handle);
        }

        if (reason is not null)
        {
            throw new DllNotFoundException(
                reason.Contains("failed to map", StringComparison.Ordinal)
                    ? $"{path}: cannot be loaded: {reason}; there is too little memory for it (ulimit -v), or its file system is mounted noexec"
                    : $"{path}: cannot be loaded: {reason}; {Expected}");
        }

        CheckVersion(handle, path);
        return handle;
    }

    /// <summary>Refuses a file that was cut off: the system's loader maps it, and dies of the first page that is not there.</summary>
    private static void RequireWhole(string path)
    {
        if (!File.Exists(path))
        {
            return; // a name that the system's loader looks for
        }

        const int HeaderBytes = 64, TableAt = 0x28, EntryBytesAt = 0x3A, EntriesAt = 0x3C; // of a 64-bit ELF file; the table of sections is its end
        Span<byte> header = stackalloc byte[HeaderBytes];
        using FileStream file = File.OpenRead(path);
        int read = file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false);
        if (read == HeaderBytes && header.StartsWith("\u007fELF"u8))
        {
            long end = BitConverter.ToInt64(header[TableAt..]) + ((long)BitConverter.ToUInt16(header[EntryBytesAt..]) * BitConverter.ToUInt16(header[EntriesAt..]));
            if (file.Length < end)
            {
                throw new DllNotFoundException($"{path}: cannot be loaded: cut off, {file.Length} bytes of {end}; {Expected}");
            }
        }
    }

    /// <summary>Loads a library as it is.</summary>
    /// <returns>Null, or what the system's loader said, in one line.</returns>
    internal static string? TryLoad(string path, out nint handle)
    {
        try
        {
            // Load, unlike TryLoad, says which library behind it is missing.
            handle = NativeLibrary.Load(path);
            return null;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            // .NET puts the loader's words in lines of their own after its own advice.
            handle = 0;
            string[] lines = error.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string reason = lines.Length > 1 ? lines[1] : lines[0];
            return reason.StartsWith($"{path}: ", StringComparison.Ordinal) ? reason[(path.Length + 2)..] : reason;
        }
    }

    /// <summary>
    /// The library's path: <paramref name="named"/> where that is set, else the first that exists in the program's folder, as it is or in the layout of a
    /// package, and in the folders where .NET found the native files of packages.
    /// </summary>
    /// <exception cref="DllNotFoundException">It is at none of them; the message names them all.</exception>
    internal static string Locate(string? named, string programFolder, IReadOnlyList<string> packageFolders)
    {
        string[] folders = [programFolder, Path.Combine(programFolder, "runtimes", "linux-x64", "native"), .. packageFolders];
        string[] candidates = named is { Length: > 0 } ? [named] : [.. folders.Select(folder => Path.Combine(folder, "libhybrid.so")).Distinct()];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new DllNotFoundException($"libhybrid.so was looked for at {string.Join(" and ", candidates)}; build it with ./build.sh, or name it in {PathVariable}");
    }

    /// <summary>The folders where .NET's host found native files: of packages in their cache, and what a single file has unpacked.</summary>
    private static string[] PackageFolders() =>
        (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>
    /// OpenBLAS reads these once, when it is loaded: it must know the CPU (it falls back to its oldest kernels on one it has no name for)
    /// and must not run a second thread pool beside LibTorch's. glog is told to log errors only, since LibTorch warns of every thousandth
    /// block that it frees under a memory meter and has not seen allocated. What the user has set stays. .NET's own environment does not
    /// reach native code, hence setenv.
    /// </summary>
    private static void SetLibrariesEnvironment()
    {
        const int KeepExisting = 0;
        _ = SetEnvironment("OPENBLAS_NUM_THREADS", "1", KeepExisting);
        _ = SetEnvironment("GLOG_minloglevel", "2", KeepExisting);
        if (Avx512F.IsSupported)
        {
            _ = SetEnvironment("OPENBLAS_CORETYPE", "SkylakeX", KeepExisting);
        }
    }

    private static unsafe void CheckVersion(nint handle, string path)
    {
        if (!NativeLibrary.TryGetExport(handle, "hyb_abi_version", out nint versionAt) || !NativeLibrary.TryGetExport(handle, "hyb_abi_hash", out nint hashAt))
        {
            throw new NativeException(NativeStatus.AbiMismatch, $"{path}: has no hyb_abi_version and hyb_abi_hash, so it is no libhybrid; expected the one of ABI version {NativeMethods.HYB_ABI_VERSION}");
        }

        var version = (delegate* unmanaged[Cdecl]<int>)versionAt;
        var hash = (delegate* unmanaged[Cdecl]<byte*>)hashAt;
        RequireMatch(path, version(), Marshal.PtrToStringUTF8((nint)hash())!);
    }

    /// <summary>Refuses a library of another version, or one built from other headers than those embedded in this assembly.</summary>
    internal static void RequireMatch(string path, int version, string headerHash)
    {
        if (version != NativeMethods.HYB_ABI_VERSION)
        {
            throw new NativeException(NativeStatus.AbiMismatch, $"{path}: has ABI version {version}, this assembly was built for {NativeMethods.HYB_ABI_VERSION}");
        }

        string expected = HeaderHash();
        if (headerHash != expected)
        {
            throw new NativeException(NativeStatus.AbiMismatch, $"{path}: was built from headers {Start(headerHash)}, this assembly from {Start(expected)}; build both from one tree");
        }

        static string Start(string hash) => hash.Length > 12 ? hash[..12] : hash;
    }

    /// <summary>SHA-256 of the headers embedded in this assembly, as native/CMakeLists.txt computes it.</summary>
    internal static string HeaderHash()
    {
        Assembly assembly = typeof(NativeLoader).Assembly;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in assembly.GetManifestResourceNames().Where(n => n.StartsWith("headers/", StringComparison.Ordinal) && n != "headers/hybrid.h").Order(StringComparer.Ordinal))
        {
            using Stream stream = assembly.GetManifestResourceStream(name)!;
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            hash.AppendData(content);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi)]
    private static extern int SetEnvironment(string name, string value, int overwrite);
}

/// <summary>The generated declarations; the first use of any of them installs the loader.</summary>
internal static unsafe partial class NativeMethods
{
    static NativeMethods() => NativeLoader.Register();
}
