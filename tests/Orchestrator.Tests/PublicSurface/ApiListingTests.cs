using System.Reflection;
using Hybrid.Interop;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.PublicSurface;

/// <summary>What other programs can use is written down, so that no change of it goes unseen.</summary>
public sealed class ApiListingTests
{
    public static TheoryData<string> Names => ["Hybrid.Interop", "Hybrid.Orchestrator"];

    [Theory]
    [MemberData(nameof(Names))]
    public void ThePublicSurfaceIsTheOneThatIsWrittenDown(string name)
    {
        string actual = ApiListing.Of(AssemblyOf(name)), written = RepositoryFolder.PathOf($"docs/api/{name}.txt"), made = RepositoryFolder.PathOf($"artifacts/api/{name}.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(made)!);
        File.WriteAllText(made, actual);

        string[] before = File.ReadAllLines(written), now = actual.TrimEnd('\n').Split('\n');
        string[] added = [.. now.Except(before)], gone = [.. before.Except(now)];

        Assert.True(
            before.SequenceEqual(now),
            $"The public surface of {name} is not that of docs/api/{name}.txt. Added: {Show(added)}. Gone: {Show(gone)}. Where that is meant: cp artifacts/api/{name}.txt docs/api/");

        static string Show(string[] lines) => lines.Length == 0 ? "nothing" : string.Join(" | ", lines.Select(line => line.Trim()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryPublicThingIsDocumented(string name)
    {
        Assembly assembly = AssemblyOf(name);
        string xml = File.ReadAllText(Path.ChangeExtension(assembly.Location, ".xml"));

        Assert.All(assembly.GetExportedTypes(), type => Assert.Contains($"\"T:{type.FullName!.Replace('+', '.')}\"", xml, StringComparison.Ordinal));
        Assert.DoesNotContain(assembly.GetExportedTypes(), type => !type.IsSealed && !type.IsInterface && !type.IsAbstract); // nothing is made to be derived from
    }

    private static Assembly AssemblyOf(string name) => name == "Hybrid.Interop" ? typeof(Tensor).Assembly : typeof(HybridRegistry).Assembly;
}
