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

    private static readonly Lock Gate = new();
    private static nint library;

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
                nint loaded = Load();
                CheckVersion(loaded);
                library = loaded;
            }

            return library;
        }
    }

    // Load, unlike TryLoad, says which library behind it (LibTorch, oneDNN) is missing.
    private static nint Load() => NativeLibrary.Load(Locate(Environment.GetEnvironmentVariable(PathVariable), AppContext.BaseDirectory));

    /// <summary>The library's path: <paramref name="named"/> where that is set, else the first that exists in the program's folder.</summary>
    /// <exception cref="DllNotFoundException">It is at none of them; the message names them all.</exception>
    internal static string Locate(string? named, string programFolder)
    {
        string[] candidates = named is { Length: > 0 }
            ? [named]
            : [
                Path.Combine(programFolder, "libhybrid.so"),
                Path.Combine(programFolder, "runtimes", "linux-x64", "native", "libhybrid.so"),
            ];
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new DllNotFoundException($"libhybrid.so was looked for at {string.Join(" and ", candidates)}; build it with ./build.sh, or name it in {PathVariable}");
    }

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

    private static unsafe void CheckVersion(nint handle)
    {
        var version = (delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(handle, "hyb_abi_version");
        var hash = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(handle, "hyb_abi_hash");
        RequireMatch(version(), Marshal.PtrToStringUTF8((nint)hash())!);
    }

    /// <summary>Refuses a library of another version, or one built from other headers than those embedded in this assembly.</summary>
    internal static void RequireMatch(int version, string headerHash)
    {
        if (version != NativeMethods.HYB_ABI_VERSION)
        {
            throw new NativeException(NativeStatus.AbiMismatch, $"libhybrid has ABI version {version}, this assembly was built for {NativeMethods.HYB_ABI_VERSION}");
        }

        string expected = HeaderHash();
        if (headerHash != expected)
        {
            throw new NativeException(NativeStatus.AbiMismatch, $"libhybrid was built from headers {Start(headerHash)}, this assembly from {Start(expected)}; build both from one tree");
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
