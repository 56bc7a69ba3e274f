using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Packages.Tests;

/// <summary>The same source gives the same bytes, wherever it lies.</summary>
public sealed class ReproducibleBuildTests
{
    [PackagesFact]
    public void AnotherFolderGivesTheSameAssemblyAndSymbols()
    {
        using TemporaryFolder elsewhere = new();
        foreach (string path in new[] { "src/Interop", "native/include/hybrid" }.SelectMany(folder => Directory.EnumerateFiles(RepositoryFolder.PathOf(folder), "*", SearchOption.AllDirectories))
            .Concat(new[] { "Directory.Build.props", "Directory.Packages.props", "src/Directory.Build.props", "LICENSE", "THIRD-PARTY-NOTICES.md", ".editorconfig", "global.json" }.Select(RepositoryFolder.PathOf)))
        {
            string copy = elsewhere.File(Path.GetRelativePath(RepositoryFolder.PathOf("."), path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy);
        }

        byte[] assembly = Packed.Files(Packed.PathOf("Hybrid.Interop", "nupkg"))["lib/net10.0/Hybrid.Interop.dll"], symbols = Packed.Files(Packed.PathOf("Hybrid.Interop", "snupkg"))["lib/net10.0/Hybrid.Interop.pdb"];
        ProgramRun.Of(
            elsewhere.Path, new Dictionary<string, string?>(), Path.Combine(ProgramRun.DotnetFolder, "dotnet"),
            "build", "src/Interop", "-c", "Release", "-p:RestoreLockedMode=true", $"-p:SourceRevisionId={Revision(assembly)}").Good();

        Assert.True(assembly.AsSpan().SequenceEqual(File.ReadAllBytes(elsewhere.File("artifacts/dotnet/bin/Interop/release/Hybrid.Interop.dll"))), "Hybrid.Interop.dll differs");
        Assert.True(symbols.AsSpan().SequenceEqual(File.ReadAllBytes(elsewhere.File("artifacts/dotnet/bin/Interop/release/Hybrid.Interop.pdb"))), "Hybrid.Interop.pdb differs");
    }

    /// <summary>The commit in the assembly's version, which the copy, being in no repository, cannot know.</summary>
    private static string Revision(byte[] assembly)
    {
        using var reader = new PEReader(new MemoryStream(assembly));
        MetadataReader metadata = reader.GetMetadataReader();
        string? version = metadata.GetAssemblyDefinition().GetCustomAttributes().Select(metadata.GetCustomAttribute)
            .Where(attribute => attribute.Constructor.Kind == HandleKind.MemberReference
                && metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor) is { Parent.Kind: HandleKind.TypeReference } member
                && metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)member.Parent).Name) == "AssemblyInformationalVersionAttribute")
            .Select(attribute =>
            {
                BlobReader value = metadata.GetBlobReader(attribute.Value);
                value.ReadUInt16(); // the prolog
                return value.ReadSerializedString();
            }).Single();
        return version!.Split('+') is [_, var revision] ? revision : string.Empty;
    }
}
