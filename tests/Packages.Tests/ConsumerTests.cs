using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>A program of somebody else's that knows the packages only: Consumer/Program.cs, restored, built and run in a folder outside the solution.</summary>
public sealed class ConsumerTests(ConsumerTests.Built consumer) : IClassFixture<ConsumerTests.Built>
{
    // 1.5, -2 and 4 are exact; name and seeds are those of configs/demo.yaml with the one that the program overrides.
    [PackagesFact]
    public void ItComputesAndReadsSettings()
    {
        JsonElement result = consumer.Run().Good() is { Output: var output } ? JsonDocument.Parse(output).RootElement : default;

        string library = Assert.Single(result.GetProperty("libraries").EnumerateArray()).GetString()!;
        Assert.Equal(Path.Combine(consumer.Output, "runtimes/linux-x64/native/libhybrid.so"), library);
        Assert.Equal("[3]", result.GetProperty("shape").GetRawText());
        Assert.Equal("[1.5,-2,4]", result.GetProperty("values").GetRawText());
        Assert.Equal("demo", result.GetProperty("Name").GetString());
        Assert.Equal("[5,7]", result.GetProperty("Seeds").GetRawText());
    }

    [PackagesFact]
    public void DotnetRunIsEnough() => Assert.Equal(consumer.Run().Good().Output, consumer.Feed.Dotnet("run", "-c", "Release", "--no-build").Good().Output);

    // What a package cache or a plug-in host gives: the native files are not beside the program, and .NET's host names their folder.
    [PackagesFact]
    public void ItsLibraryIsFoundInThePackageItself()
    {
        string native = Path.Combine(consumer.Output, "runtimes/linux-x64/native/libhybrid.so"), moved = native + ".moved";
        File.Move(native, moved);
        try
        {
            JsonElement result = JsonDocument.Parse(consumer.Run(packages: consumer.Feed.FileAt("cache")).Good().Output).RootElement;

            Assert.Equal(
                consumer.Feed.FileAt($"cache/hybrid.interop/{Packed.Version}/runtimes/linux-x64/native/libhybrid.so"),
                Assert.Single(result.GetProperty("libraries").EnumerateArray()).GetString());
        }
        finally
        {
            File.Move(moved, native);
        }
    }

    [PackagesFact]
    public void ALibTorchThatIsNotThereIsAnErrorInOneLine()
    {
        using TemporaryFolder empty = new();

        ProgramRun named = consumer.Run(arguments: [empty.Path]), variable = consumer.Run(libTorch: empty.Path);

        Assert.Equal((20, string.Empty), (named.Code, named.Output));
        Assert.Matches($@"\A\S+/libhybrid.so: needs LibTorch \d+\.\d+ \(libtorch_cpu\.so\S*, libc10\.so\S*\), but Runtime\.UseLibTorch names {empty.Path}: none in {empty.Path}/lib, [^\n]+\n\z", named.Error);
        Assert.Equal((20, string.Empty), (variable.Code, variable.Output));
        Assert.Contains($", but LIBTORCH names {empty.Path}: none in ", variable.Error, StringComparison.Ordinal);
    }

    /// <summary>The program, built once for all tests.</summary>
    public sealed class Built : IDisposable
    {
        private readonly Lazy<LocalFeed> feed = new(Build);

        /// <summary>The folder that it was built in.</summary>
        internal LocalFeed Feed => feed.Value;

        /// <summary>The folder of the program.</summary>
        public string Output => Feed.FileAt("bin/Release/net10.0");

        /// <summary>Runs the program.</summary>
        /// <param name="libTorch">What LIBTORCH is, instead of what these tests have.</param>
        /// <param name="packages">A package cache where .NET's host looks for what is not beside the program.</param>
        /// <param name="arguments">Its arguments.</param>
        internal ProgramRun Run(string? libTorch = null, string? packages = null, params string[] arguments)
        {
            var environment = new Dictionary<string, string?>();
            if (libTorch is not null)
            {
                environment["LIBTORCH"] = libTorch;
            }

            string[] host = packages is null ? [] : ["exec", "--additionalprobingpath", packages];
            return ProgramRun.Of(Path.GetTempPath(), environment, Path.Combine(ProgramRun.DotnetFolder, "dotnet"), [.. host, Path.Combine(Output, "Consumer.dll"), .. arguments]);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            if (feed.IsValueCreated)
            {
                feed.Value.Dispose();
            }
        }

        private static LocalFeed Build()
        {
            var feed = new LocalFeed();
            File.Copy(RepositoryFolder.PathOf("tests/Packages.Tests/Consumer/Program.cs"), feed.FileAt("Program.cs"));
            File.WriteAllText(feed.FileAt("Consumer.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <Nullable>enable</Nullable>
                    <NuGetAudit>false</NuGetAudit>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageReference Include="Hybrid.Interop" Version="{Packed.Version}" />
                    <PackageReference Include="Hybrid.Orchestrator" Version="{Packed.Version}" />
                  </ItemGroup>
                </Project>
                """);
            feed.Dotnet("build", "-c", "Release").Good();
            return feed;
        }
    }
}
