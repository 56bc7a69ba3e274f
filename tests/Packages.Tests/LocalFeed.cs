using Hybrid.TestSupport;

namespace Hybrid.Packages.Tests;

/// <summary>
/// A folder outside the solution where NuGet knows our packages from artifacts/packages only, and all others from what this machine has restored
/// already: no network, and no package of ours that an earlier restore left somewhere.
/// </summary>
internal sealed class LocalFeed : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public LocalFeed()
    {
        File.WriteAllText(FileAt("nuget.config"), $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{Packed.Folder}" />
                <add key="restored" value="{RestoredPackages()}" />
              </packageSources>
              <packageSourceMapping>
                <packageSource key="packed"><package pattern="Hybrid.*" /></packageSource>
                <packageSource key="restored"><package pattern="*" /></packageSource>
              </packageSourceMapping>
            </configuration>
            """);
    }

    /// <summary>The folder's path.</summary>
    public string Path => folder.Path;

    /// <summary>The path of a file in it.</summary>
    public string FileAt(string name) => folder.File(name);

    /// <summary>Runs dotnet there, with a cache of packages of its own.</summary>
    public ProgramRun Dotnet(params string[] arguments) => ProgramRun.Of(
        Path,
        new Dictionary<string, string?> { ["NUGET_PACKAGES"] = FileAt("cache") },
        System.IO.Path.Combine(ProgramRun.DotnetFolder, "dotnet"),
        arguments);

    /// <inheritdoc/>
    public void Dispose() => folder.Dispose();

    /// <summary>The cache that this repository was restored into; NuGet reads it as a feed, too.</summary>
    private static string RestoredPackages()
    {
        ProgramRun run = ProgramRun.Of(RepositoryFolder.PathOf("."), new Dictionary<string, string?>(), System.IO.Path.Combine(ProgramRun.DotnetFolder, "dotnet"), "nuget", "locals", "global-packages", "--list").Good();
        return run.Output[(run.Output.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
