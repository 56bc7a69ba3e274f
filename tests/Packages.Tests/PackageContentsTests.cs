using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>What is in the packages, and what they say of themselves.</summary>
public sealed class PackageContentsTests
{
    private static readonly string[] Papers = ["LICENSE", "README.md", "THIRD-PARTY-NOTICES.md"];

    [PackagesFact]
    public void ThePackagesAreTheseAndHaveOneVersion() =>
        Assert.Equal(
            [$"Hybrid.Cli.{Packed.Version}.nupkg", .. new[] { "Interop", "Orchestrator" }.SelectMany(name => new[] { "nupkg", "snupkg" }.Select(kind => $"Hybrid.{name}.{Packed.Version}.{kind}"))],
            Directory.EnumerateFiles(Packed.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [PackagesFact]
    public void InteropBringsTheNativeLibrary() =>
        Assert.Equal(
            ["Hybrid.Interop.nuspec", .. Papers, "lib/net10.0/Hybrid.Interop.dll", "lib/net10.0/Hybrid.Interop.xml", "runtimes/linux-x64/native/libhybrid.so"],
            Packed.Files(Packed.PathOf("Hybrid.Interop", "nupkg")).Keys);

    [PackagesFact]
    public void OrchestratorIsOneAssembly() =>
        Assert.Equal(
            ["Hybrid.Orchestrator.nuspec", .. Papers, "lib/net10.0/Hybrid.Orchestrator.dll", "lib/net10.0/Hybrid.Orchestrator.xml"],
            Packed.Files(Packed.PathOf("Hybrid.Orchestrator", "nupkg")).Keys);

    [PackagesFact]
    public void TheToolHasEverythingInOneFolder()
    {
        SortedDictionary<string, byte[]> files = Packed.Files(Packed.PathOf("Hybrid.Cli", "nupkg"));

        Assert.Equal(["Hybrid.Cli.nuspec", .. Papers], files.Keys.Where(name => !name.StartsWith("tools/net10.0/any/", StringComparison.Ordinal)));
        Assert.All(
            ["hybrid.dll", "Hybrid.Interop.dll", "Hybrid.Orchestrator.dll", "libhybrid.so", "LICENSE", "THIRD-PARTY-NOTICES.md"],
            name => Assert.Contains($"tools/net10.0/any/{name}", files.Keys));
        Assert.Contains("Name=\"hybrid\" EntryPoint=\"hybrid.dll\"", Encoding.UTF8.GetString(files["tools/net10.0/any/DotnetToolSettings.xml"]), StringComparison.Ordinal);
    }

    [PackagesTheory]
    [InlineData("Hybrid.Interop")]
    [InlineData("Hybrid.Orchestrator")]
    public void SymbolsAreInAPackageOfTheirOwn(string id) =>
        Assert.Equal([$"{id}.nuspec", $"lib/net10.0/{id}.pdb"], Packed.Files(Packed.PathOf(id, "snupkg")).Keys);

    [PackagesTheory]
    [InlineData("Hybrid.Interop", "")]
    [InlineData("Hybrid.Orchestrator", "Hybrid.Interop")]
    [InlineData("Hybrid.Cli", null)]
    public void EachSaysItsLicenceReadmeAndPurpose(string id, string? ours)
    {
        XElement package = XDocument.Parse(Encoding.UTF8.GetString(Packed.Files(Packed.PathOf(id, "nupkg"))[$"{id}.nuspec"]).TrimStart('\uFEFF')).Root!.Elements().First();
        string? Said(string name) => package.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;

        Assert.Equal((id, Packed.Version, "MIT", "README.md", "The Hybrid authors"), (Said("id"), Said("version"), Said("license"), Said("readme"), Said("authors")));
        Assert.Matches("unlearning", Said("description")!.ToLowerInvariant());
        XElement[] dependencies = [.. package.Descendants().Where(element => element.Name.LocalName == "dependency")];
        if (ours is null)
        {
            Assert.Empty(dependencies); // a tool brings its own
        }
        else
        {
            Assert.Equal(
                ours.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => (name, Packed.Version)),
                dependencies.Select(element => (element.Attribute("id")!.Value, element.Attribute("version")!.Value)).Where(dependency => dependency.Item1.StartsWith("Hybrid.", StringComparison.Ordinal)));
        }
    }

    // Neither where it was built nor by whom; .NET's texts are UTF-16 in an assembly's heap of strings and UTF-8 elsewhere.
    [PackagesFact]
    public void NothingSaysWhereItWasBuilt()
    {
        string root = Path.GetFullPath(RepositoryFolder.PathOf(".")).TrimEnd('/') + "/";
        byte[][] forms = [Encoding.UTF8.GetBytes(root), Encoding.Unicode.GetBytes(root)];
        (string Name, byte[] Bytes)[] files =
        [
            .. Directory.EnumerateFiles(Packed.Folder).SelectMany(package => Packed.Files(package).Select(file => ($"{Path.GetFileName(package)}: {file.Key}", file.Value))),
            ("hybrid", File.ReadAllBytes(Packed.SingleFile)),
        ];

        Assert.True(files.Length >= 40, $"only {files.Length} files were found");
        Assert.All(files, file => Assert.DoesNotContain(forms, form => file.Bytes.AsSpan().IndexOf(form) >= 0));
    }

    [PackagesFact]
    public void TheLibraryNamesNoFolderOfItsOwn()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("libhybrid.so"), Packed.Files(Packed.PathOf("Hybrid.Interop", "nupkg"))["runtimes/linux-x64/native/libhybrid.so"]);

        string dynamic = ProgramRun.Of(folder.Path, new Dictionary<string, string?>(), "readelf", "-d", "libhybrid.so").Good().Output;

        Assert.Contains("(NEEDED)", dynamic, StringComparison.Ordinal);
        Assert.DoesNotMatch(new Regex(@"\((RPATH|RUNPATH)\)"), dynamic);
    }

    // Packages that were made before the last build would be tested in its place.
    [PackagesTheory]
    [InlineData("Interop")]
    [InlineData("Orchestrator")]
    public void ThePackagesAreThoseOfTheLastBuild(string project)
    {
        string built = RepositoryFolder.PathOf($"artifacts/dotnet/bin/{project}/release/Hybrid.{project}.dll");

        Assert.True(
            Packed.Files(Packed.PathOf($"Hybrid.{project}", "nupkg"))[$"lib/net10.0/Hybrid.{project}.dll"].AsSpan().SequenceEqual(File.ReadAllBytes(built)),
            $"{Packed.PathOf($"Hybrid.{project}", "nupkg")} is not of the last build: run ./build.sh pack");
    }
}
