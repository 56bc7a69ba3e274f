using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed unsafe class NativeLoaderTests
{
    [Fact]
    public void TheHashIsThatOfTheHeadersAndOfTheLibrary()
    {
        IEnumerable<string> headers = Directory.GetFiles(Repository.Headers, "*.h").Where(path => Path.GetFileName(path) != "hybrid.h").Order(StringComparer.Ordinal);
        byte[] joined = [.. headers.SelectMany(File.ReadAllBytes)];
        string expected = Convert.ToHexStringLower(SHA256.HashData(joined));

        Assert.Equal(expected, NativeLoader.HeaderHash());
        Assert.Equal(expected, Marshal.PtrToStringUTF8((nint)NativeMethods.hyb_abi_hash()));
    }

    [Fact]
    public void TheVersionIsTheLibrarys() => Assert.Equal(NativeMethods.HYB_ABI_VERSION, NativeMethods.hyb_abi_version());

    [Fact]
    public void ALibraryOfThisVersionAndTheseHeadersIsTaken() => NativeLoader.RequireMatch("x.so", NativeMethods.HYB_ABI_VERSION, NativeLoader.HeaderHash());

    [Fact]
    public void ALibraryOfAnotherVersionIsRefused() =>
        Expect.Failure(NativeStatus.AbiMismatch, () => NativeLoader.RequireMatch("x.so", NativeMethods.HYB_ABI_VERSION + 1, NativeLoader.HeaderHash()), $"x.so: has ABI version {NativeMethods.HYB_ABI_VERSION + 1}", $"built for {NativeMethods.HYB_ABI_VERSION}");

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "x.so: was built from headers 0123456789ab,")]
    [InlineData("", "x.so: was built from headers ,")]
    public void ALibraryOfOtherHeadersIsRefused(string hash, string said) =>
        Expect.Failure(NativeStatus.AbiMismatch, () => NativeLoader.RequireMatch("x.so", NativeMethods.HYB_ABI_VERSION, hash), said, NativeLoader.HeaderHash()[..12], "build both from one tree");

    [Fact]
    public void AMissingLibraryIsReportedWithThePlacesSearched()
    {
        using TemporaryFolder folder = new();

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Locate(null, folder.Path, [])).Message;

        Assert.Contains(folder.File("libhybrid.so"), message, StringComparison.Ordinal);
        Assert.Contains(folder.File("runtimes/linux-x64/native/libhybrid.so"), message, StringComparison.Ordinal);
        Assert.Contains("./build.sh", message, StringComparison.Ordinal);
        Assert.Contains(NativeLoader.PathVariable, message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatIsNoLibraryIsNamed()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("libhybrid.so");
        File.WriteAllText(path, "not an ELF file");

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(path, LibTorchFinder.OfProcess(null))).Message;

        Assert.StartsWith($"{path}: cannot be loaded: ", message, StringComparison.Ordinal);
        Assert.Contains("./build.sh", message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", message, StringComparison.Ordinal);
    }

    // The system's loader maps the file and dies of a page that is not there.
    [Fact]
    public void ALibraryThatWasCutOffIsNamed()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("libhybrid.so");
        byte[] whole = File.ReadAllBytes(NativeLoader.Locate(null, AppContext.BaseDirectory, []));
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Load(path, LibTorchFinder.OfProcess(null))).Message;

        Assert.StartsWith($"{path}: cannot be loaded: cut off, {whole.Length / 2} bytes of {whole.Length}; ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void ALibraryOfSomebodyElseIsRefused() =>
        Expect.Failure(NativeStatus.AbiMismatch, () => NativeLoader.Load("libc.so.6", LibTorchFinder.OfProcess(null)), "libc.so.6: has no hyb_abi_version and hyb_abi_hash", $"ABI version {NativeMethods.HYB_ABI_VERSION}");

    [Fact]
    public void ANamedLibraryIsTheOnlyCandidate()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("libhybrid.so"), string.Empty);
        string elsewhere = folder.File("elsewhere.so");

        string message = Assert.Throws<DllNotFoundException>(() => NativeLoader.Locate(elsewhere, folder.Path, [])).Message;
        Assert.Contains($"looked for at {elsewhere};", message, StringComparison.Ordinal);

        File.WriteAllText(elsewhere, string.Empty);
        Assert.Equal(elsewhere, NativeLoader.Locate(elsewhere, folder.Path, []));
    }

    [Fact]
    public void TheProgramsFolderComesBeforeThePackagesFolder()
    {
        using TemporaryFolder folder = new();
        string packaged = folder.File("runtimes/linux-x64/native/libhybrid.so");
        Directory.CreateDirectory(Path.GetDirectoryName(packaged)!);
        File.WriteAllText(packaged, string.Empty);
        Assert.Equal(packaged, NativeLoader.Locate(string.Empty, folder.Path, []));

        File.WriteAllText(folder.File("libhybrid.so"), string.Empty);
        Assert.Equal(folder.File("libhybrid.so"), NativeLoader.Locate(null, folder.Path, []));
    }

    // Where a program is run from the packages' cache, .NET's host names the folders of native files there.
    [Fact]
    public void TheFoldersOfPackagesComeLast()
    {
        using TemporaryFolder program = new(), package = new();
        File.WriteAllText(package.File("libhybrid.so"), string.Empty);
        Assert.Equal(package.File("libhybrid.so"), NativeLoader.Locate(null, program.Path, ["/nowhere", package.Path]));

        File.WriteAllText(program.File("libhybrid.so"), string.Empty);
        Assert.Equal(program.File("libhybrid.so"), NativeLoader.Locate(null, program.Path, [package.Path]));
    }

    [Fact]
    public void LibTorchIsNamedBeforeAnythingIsLoadedOrNotAtAll()
    {
        _ = Runtime.BuildInfo;

        string message = Assert.Throws<InvalidOperationException>(() => Runtime.UseLibTorch("/opt/libtorch")).Message;

        Assert.StartsWith("Runtime.UseLibTorch: /opt/libtorch: libhybrid and its LibTorch are loaded already", message, StringComparison.Ordinal);
    }

    // The loader's own environment variables must reach OpenBLAS, which reads them through getenv.
    [Fact]
    public void OpenBlasIsKeptToOneThread()
    {
        _ = Runtime.BuildInfo;
        Assert.False(string.IsNullOrEmpty(Marshal.PtrToStringUTF8(GetEnvironment("OPENBLAS_NUM_THREADS"))));
    }

    [DllImport("libc", EntryPoint = "getenv", CharSet = CharSet.Ansi)]
    private static extern nint GetEnvironment(string name);
}
