using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests;

public sealed class AtomicFileTests
{
    // The rule alone: where it were wrong, trying it as root would replace the machine's devices.
    [Theory]
    [InlineData("/dev/null", true)]
    [InlineData("/dev/stdout", true)]
    [InlineData("/dev/fd/63", true)]
    [InlineData("/proc/self/fd/1", true)]
    [InlineData("/tmp/../dev/null", true)]
    [InlineData("/dev/shm/result.json", false)]
    [InlineData("/device/result.json", false)]
    [InlineData("dev/result.json", false)]
    [InlineData("result.json", false)]
    public void DevicesAreNotReplaced(string path, bool inPlace) => Assert.Equal(inPlace, AtomicFile.IsWrittenInPlace(path));

    [Fact]
    public void AFileIsReplacedAndNothingElseStays()
    {
        using var folder = new TemporaryFolder();

        AtomicFile.WriteText(folder.File("a"), "a long text");
        AtomicFile.WriteText(folder.File("a"), "é");

        Assert.Equal([0xC3, 0xA9], File.ReadAllBytes(folder.File("a")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void WhatCannotBeWrittenLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("taken"));

        HybridException error = Assert.Throws<HybridException>(() => AtomicFile.WriteText(folder.File("taken"), "x"));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.StartsWith($"{folder.File("taken")}: cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Equal([folder.File("taken")], Directory.GetFileSystemEntries(folder.Path));
    }
}
