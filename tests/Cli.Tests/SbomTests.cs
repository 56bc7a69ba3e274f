using System.Text.Json;
using Hybrid.Sbom;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>The list of what is shipped: on a published folder made by hand, and on the libraries that these tests run on.</summary>
public sealed class SbomTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public SbomTests()
    {
        Write("bin/hybrid", "ELF @(#)Version 10.0.1226.42308 @Commit: 95017c7");
        Write("bin/hybrid.dll", string.Empty);
        Write("bin/Hybrid.Interop.dll", string.Empty);
        Write("bin/Some.Package.dll", string.Empty);
        Write("bin/hybrid.runtimeconfig.json", """{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "10.0.0"}}}""");
        Write("bin/hybrid.deps.json", """
            {"targets": {"t": {"hybrid/0.1.0": {}, "Some.Package/2.3.4": {"runtime": {"lib/net8.0/Some.Package.dll": {}}}, "Hybrid.Interop/0.1.0": {}}},
             "libraries": {"hybrid/0.1.0": {"type": "project"}, "Some.Package/2.3.4": {"type": "package"}, "Hybrid.Interop/0.1.0": {"type": "project"}}}
            """);
        Write("cache/some.package/2.3.4/some.package.nuspec", """<package xmlns="x"><metadata><license type="expression">Apache-2.0</license></metadata></package>""");
    }

    private static string Assets => RepositoryFolder.PathOf("src/Orchestrator/Reporting/Assets");

    [Fact]
    public void EveryShippedFileBelongsToAComponent()
    {
        IReadOnlyList<Component> components = Shipped.Components(folder.File("bin"), folder.File("cache"), Assets);

        Assert.Equal(
            [
                "hybrid 0.1.0 MIT: Hybrid.Interop.dll hybrid.deps.json hybrid.dll hybrid.runtimeconfig.json",
                "Microsoft.NETCore.App.Host 10.0.1226.42308 MIT: hybrid",
                "chart.js 4.5.1 MIT: Hybrid.Orchestrator.dll",
                "@kurkle/color 0.3.2 MIT: Hybrid.Orchestrator.dll",
                "Some.Package 2.3.4 Apache-2.0: Some.Package.dll",
            ],
            components.Select(component => $"{component.Name} {component.Version} {component.Licence}: {string.Join(' ', component.Files)}"));

        Write("bin/stray.so", string.Empty);
        Assert.Contains("stray.so: belongs to no component", Assert.Throws<InvalidDataException>(() => Shipped.Components(folder.File("bin"), folder.File("cache"), Assets)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APackageWithoutALicenceIsRefused()
    {
        Write("cache/some.package/2.3.4/some.package.nuspec", "<package><metadata><licenseUrl>https://x.example</licenseUrl></metadata></package>");

        Assert.Contains("some.package.nuspec: names no licence", Assert.Throws<InvalidDataException>(() => Shipped.Components(folder.File("bin"), folder.File("cache"), Assets)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LibrariesAreListedWithTheirPackages()
    {
        Component[] components = [.. LinkedLibraries.Components(Path.Combine(AppContext.BaseDirectory, "libhybrid.so"))];

        Component torch = Assert.Single(components, component => component.Files.Any(file => Path.GetFileName(file).StartsWith("libtorch_cpu.so", StringComparison.Ordinal)));
        Assert.Equal(Delivery.Linked, torch.Delivery);
        Assert.Contains(components, component => component.Delivery == Delivery.Linked && component.Files.Any(file => Path.GetFileName(file).StartsWith("libgomp", StringComparison.Ordinal)));
        Assert.All(components, component => Assert.NotEmpty(component.Files));
        Assert.Equal(components.Length, components.Select(component => component.Name).Distinct().Count());
    }

    // The required fields of https://cyclonedx.org/docs/1.5/json/ and their kinds.
    [Fact]
    public void TheDocumentHasTheShapeOfCycloneDx()
    {
        using JsonDocument document = JsonDocument.Parse(CycloneDx.Write([.. Shipped.Components(folder.File("bin"), folder.File("cache"), Assets), Runtime.Component(folder.File("bin"))]));
        JsonElement root = document.RootElement;
        Assert.Equal(("CycloneDX", "1.5", 1), (root.GetProperty("bomFormat").GetString(), root.GetProperty("specVersion").GetString(), root.GetProperty("version").GetInt32()));
        JsonElement program = root.GetProperty("metadata").GetProperty("component");
        Assert.Equal(("application", "hybrid", "0.1.0"), (program.GetProperty("type").GetString(), program.GetProperty("name").GetString(), program.GetProperty("version").GetString()));

        JsonElement[] components = [.. root.GetProperty("components").EnumerateArray()];
        Assert.Equal(["Microsoft.NETCore.App.Host", "chart.js", "@kurkle/color", "Some.Package", "Microsoft.NETCore.App"], components.Select(component => component.GetProperty("name").GetString()));
        Assert.All(components, component =>
        {
            Assert.Equal(("library", "required"), (component.GetProperty("type").GetString(), component.GetProperty("scope").GetString()));
            Assert.False(string.IsNullOrEmpty(component.GetProperty("version").GetString()));
            JsonElement licence = Assert.Single(component.GetProperty("licenses").EnumerateArray()).GetProperty("license");
            Assert.Single(licence.EnumerateObject(), field => field.Name is "id" or "name");
            Assert.All(component.GetProperty("properties").EnumerateArray(), property => Assert.Equal(["name", "value"], property.EnumerateObject().Select(field => field.Name)));
        });
        Assert.Equal(components.Length, components.Select(component => component.GetProperty("bom-ref").GetString()).Distinct().Count());
        Assert.Equal("pkg:nuget/Some.Package@2.3.4", components[3].GetProperty("purl").GetString());
        Assert.Equal("pkg:npm/%40kurkle/color@0.3.2", components[2].GetProperty("purl").GetString());
    }

    [Theory]
    [InlineData("Format: x\nFiles: *\nLicense: MIT\n text\n\nFiles: a\nLicense: BSD-3-Clause\n\nLicense: MIT\n", "MIT, BSD-3-Clause")]
    [InlineData("This is free software.\n", "see ")]
    public void LicencesOfDebianPackagesAreTheirShortNames(string text, string expected)
    {
        Write("copyright", text);

        Assert.StartsWith(expected, Copyright.Licence(folder.File("copyright")), StringComparison.Ordinal);
    }

    [Fact]
    public void TheNoticesNameEveryPackageThatIsShipped()
    {
        string notices = File.ReadAllText(RepositoryFolder.PathOf("THIRD-PARTY-NOTICES.md"));
        using JsonDocument deps = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hybrid.deps.json")));
        string[] packages = [.. deps.RootElement.GetProperty("libraries").EnumerateObject().Where(library => library.Value.GetProperty("type").GetString() == "package").Select(library => library.Name.Split('/')[0])];

        Assert.NotEmpty(packages);
        Assert.All(packages, package => Assert.Contains($"| {package} |", notices, StringComparison.Ordinal));
    }

    public void Dispose() => folder.Dispose();

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), text);
    }
}
