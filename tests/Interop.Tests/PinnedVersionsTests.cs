using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hybrid.Interop.Tests.Support;
using Xunit;

namespace Hybrid.Interop.Tests;

/// <summary>What is built from is what was chosen: exact versions in one place, a lock file for every project, and restores that keep to it.</summary>
public sealed partial class PinnedVersionsTests
{
    private static readonly string[] Projects =
        [.. new[] { "src", "samples", "tests", "scripts" }.SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*.csproj", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)];

    [Fact]
    public void EveryProjectHasALockFileOfExactVersions()
    {
        Assert.True(Projects.Length >= 10, $"only {Projects.Length} projects were found");
        foreach (string project in Projects)
        {
            string path = Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json");
            Assert.True(File.Exists(path), $"{path} is missing; build the project and commit it");
            using JsonDocument locked = JsonDocument.Parse(File.ReadAllText(path));
            Assert.All(
                locked.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(framework => framework.Value.EnumerateObject()).Where(package => package.Value.GetProperty("type").GetString() != "Project"),
                package => Assert.True(Exact().IsMatch(package.Value.GetProperty("resolved").GetString()!) && package.Value.GetProperty("contentHash").GetString()!.Length > 80, $"{path}: {package.Name}"));
        }
    }

    // What is restored for the single file differs in its platform only.
    [Fact]
    public void TheSingleFileIsLockedToTheSameVersions() => Assert.True(
        Locked("packages.lock.json") == Locked("packages.single.lock.json"),
        "src/Cli/packages.single.lock.json has other versions than packages.lock.json: run dotnet restore src/Cli -p:HybridSingleFile=true, and commit it");

    [Fact]
    public void VersionsStandInOnePlaceAndAreExact()
    {
        Assert.All(Projects, project => Assert.DoesNotContain(XDocument.Load(project).Descendants("PackageReference"), reference => reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null));
        string[] versions = [.. XDocument.Load(Repository.At("Directory.Packages.props")).Descendants("PackageVersion").Select(package => package.Attribute("Version")!.Value)];
        Assert.NotEmpty(versions);
        Assert.All(versions, version => Assert.Matches(Exact(), version));

        using JsonDocument tools = JsonDocument.Parse(File.ReadAllText(Repository.At(".config", "dotnet-tools.json")));
        JsonProperty[] pinned = [.. tools.RootElement.GetProperty("tools").EnumerateObject()];
        Assert.NotEmpty(pinned);
        Assert.All(pinned, tool => Assert.Matches(Exact(), tool.Value.GetProperty("version").GetString()));
    }

    [Fact]
    public void EveryRestoreKeepsToTheLockFiles()
    {
        string[] building = [.. File.ReadLines(Repository.At("build.sh")).Where(line => Building().IsMatch(line) && !line.Contains("--no-build", StringComparison.Ordinal))];

        Assert.True(building.Length >= 5, $"only {building.Length} lines of build.sh build");
        Assert.All(building, line => Assert.Contains("-p:RestoreLockedMode=true", line, StringComparison.Ordinal));
    }

    private static string Locked(string name)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Repository.At("src", "Cli", name)));
        return file.RootElement.GetProperty("dependencies").GetProperty("net10.0").GetRawText();
    }

    [GeneratedRegex(@"^\d+\.\d+\.\d+(\.\d+)?$")]
    private static partial Regex Exact();

    [GeneratedRegex(@"\bdotnet (build|pack|publish|run|restore|test) ")]
    private static partial Regex Building();
}
