using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>Which LibTorch a folder holds, on folders made by hand.</summary>
public sealed class LibTorchFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("2.1", "2.1.0+cu121", null)]
    [InlineData("2.1", "2.0.1", "older than")]
    [InlineData("2.1", "2.10.0", "newer than")]
    [InlineData("2.1", "main", "not")]
    [InlineData("2.1", null, null)]
    [InlineData(null, "2.1.0", null)]
    public void VersionsAgreeInMajorAndMinor(string? needed, string? found, string? difference) => Assert.Equal(difference, Need(needed, "libtorch_cpu.so").Difference(found));

    [Theory]
    [InlineData("libtorch_cpu.so.1.13", "1.13")]
    [InlineData("libtorch_cpu.so", null)]
    [InlineData("libtorch_cpu.so.old", null)]
    public void ALibrarysNameMayEndInItsVersion(string name, string? version)
    {
        Assert.Equal(version, LibTorchNeed.VersionInName(name));
        Assert.Equal("libtorch_cpu.so", LibTorchNeed.Stem(name));
    }

    [Theory]
    [InlineData("lib", "build-version", "2.1.0+cpu\n")]
    [InlineData("lib", "version.py", "from typing import Optional\n__version__ = '2.1.0+cu121'\n")]
    [InlineData("lib", "include/torch/csrc/api/include/torch/version.h", "#define TORCH_VERSION_MAJOR 2\n\n/// x\n#define TORCH_VERSION_MINOR 1\n")]
    [InlineData(".", "build-version", "2.1.2\n")]
    public void AnUnversionedLibTorchSaysItsVersionElsewhere(string libraries, string file, string text)
    {
        Write($"{libraries}/libtorch_cpu.so", string.Empty);
        Write($"{libraries}/libc10.so", string.Empty);
        Write(file, text);

        (string? found, string said) = LibTorchFolder.Inspect(folder.Path, Need("2.1", "libtorch_cpu.so", "libc10.so"));
        Assert.Equal(Path.GetFullPath(folder.File(libraries)), Path.GetFullPath(found!));
        Assert.StartsWith("LibTorch 2.1", said, StringComparison.Ordinal);

        (found, said) = LibTorchFolder.Inspect(folder.Path, Need("2.4", "libtorch_cpu.so", "libc10.so"));
        Assert.Null(found);
        Assert.EndsWith("older than the 2.4 needed", said, StringComparison.Ordinal);
    }

    [Fact]
    public void OfSeveralVersionsSideBySideTheOneNeededCounts()
    {
        foreach (string version in new[] { "1.12.0", "1.13.0", "1.13" })
        {
            Write($"lib/x86_64-linux-gnu/libtorch_cpu.so.{version}", string.Empty);
        }

        Assert.Equal(folder.File("lib/x86_64-linux-gnu"), LibTorchFolder.Inspect(folder.Path, Need("1.13", "libtorch_cpu.so.1.13")).Libraries);
        Assert.EndsWith("newer than the 1.11 needed", LibTorchFolder.Inspect(folder.Path, Need("1.11", "libtorch_cpu.so.1.11")).Found, StringComparison.Ordinal);
    }

    [Fact]
    public void AnIncompleteOneIsNotTaken()
    {
        Write("lib/libtorch_cpu.so.1.13", string.Empty);

        Assert.Equal((null, $"LibTorch 1.13 in {folder.File("lib")}, without libc10.so.1.13"), LibTorchFolder.Inspect(folder.Path, Need("1.13", "libtorch_cpu.so.1.13", "libc10.so.1.13")));
    }

    public void Dispose() => folder.Dispose();

    private static LibTorchNeed Need(string? version, params string[] names) => new() { Library = "x.so", Names = names, Version = version, SearchFolders = [] };

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), text);
    }
}
