using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>The command line as it reaches others: a tool of .NET, and one file for machines that have no .NET.</summary>
public sealed class CommandLineTests
{
    private static string Parity => RepositoryFolder.PathOf("tests/assets/parity");

    [PackagesFact]
    public void TheToolIsInstalledFromAFeedAndComputes()
    {
        using LocalFeed feed = new();
        feed.Dotnet("tool", "install", "Hybrid.Cli", "--version", Packed.Version, "--tool-path", feed.FileAt("tools"), "--configfile", feed.FileAt("nuget.config")).Good();

        string hybrid = feed.FileAt("tools/hybrid");
        Assert.StartsWith(Packed.Version, ProgramRun.Of(feed.Path, new Dictionary<string, string?>(), hybrid, "--version").Good().Output, StringComparison.Ordinal);
        ProgramRun parity = ProgramRun.Of(feed.Path, new Dictionary<string, string?>(), hybrid, "parity", Parity, "--json").Good();
        Assert.Contains("\"passed\": true", parity.Output, StringComparison.Ordinal);
    }

    // It unpacks libhybrid.so below HOME, or elsewhere where that cannot be written.
    [PackagesTheory]
    [InlineData("HOME")]
    [InlineData("DOTNET_BUNDLE_EXTRACT_BASE_DIR")]
    public void TheSingleFileComputesWhereThereIsNoDotnet(string place)
    {
        using TemporaryFolder server = new();
        string hybrid = server.File("hybrid"), nothing = server.File("nothing"), unpacked = server.File("unpacked");
        File.Copy(Packed.SingleFile, hybrid);
        Directory.CreateDirectory(nothing);
        Directory.CreateDirectory(unpacked);
        var environment = new Dictionary<string, string?> { ["DOTNET_ROOT"] = nothing, ["PATH"] = nothing, ["HOME"] = server.File("absent"), [place] = unpacked };

        Assert.StartsWith(Packed.Version, ProgramRun.Of(server.Path, environment, hybrid, "--version").Good().Output, StringComparison.Ordinal);
        Assert.Contains("\"passed\": true", ProgramRun.Of(server.Path, environment, hybrid, "parity", Parity, "--json").Good().Output, StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFiles(unpacked, "libhybrid.so", SearchOption.AllDirectories));
    }

    [PackagesFact]
    public void TheSingleFileLiesBesideTheNoticesOfWhatIsInIt()
    {
        string folder = Path.GetDirectoryName(Packed.SingleFile)!;

        Assert.Equal(["LICENSE", "THIRD-PARTY-NOTICES-OF-NET.txt", "THIRD-PARTY-NOTICES.md", "hybrid"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains(".NET", File.ReadAllText(Path.Combine(folder, "THIRD-PARTY-NOTICES-OF-NET.txt")), StringComparison.Ordinal);
    }
}
