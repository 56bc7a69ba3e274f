using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Text.Json;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Cli.Tests;

/// <summary>The program speaks to no network and runs nothing that a model brings along.</summary>
[LeakLedger]
[Collection(TaughtCollection.Name)]
public sealed class NothingGetsInTests(TaughtFolder taught) : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Canary => folder.File("canary");

    // Python's pickle for os.system("touch CANARY"): a reader that runs it leaves the file.
    private byte[] Pickle => Encoding.ASCII.GetBytes($"cposix\nsystem\n(S'touch {Canary}'\ntR.");

    [Theory]
    [InlineData("Hybrid.Interop")]
    [InlineData("Hybrid.Orchestrator")]
    [InlineData("hybrid")]
    public void NoAssemblyOfOursKnowsTheNetwork(string name) =>
        Assert.DoesNotContain(References(name), reference => reference.StartsWith("System.Net", StringComparison.Ordinal) || reference.StartsWith("System.IO.Pipes", StringComparison.Ordinal));

    // Spectre.Console asks for the host's name, for the links in an exception's text.
    [Fact]
    public void NorDoThePackagesButForTheHostsName()
    {
        using JsonDocument deps = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hybrid.deps.json")));
        string[] packages = [.. deps.RootElement.GetProperty("targets").EnumerateObject().Single().Value.EnumerateObject()
            .SelectMany(library => library.Value.TryGetProperty("runtime", out JsonElement files) ? files.EnumerateObject().Select(file => Path.GetFileNameWithoutExtension(file.Name)) : []).Distinct()];

        Assert.Contains("YamlDotNet", packages);
        Assert.Equal(
            ["Spectre.Console: System.Net.NameResolution"],
            packages.SelectMany(package => References(package).Where(reference => reference.StartsWith("System.Net", StringComparison.Ordinal)).Select(reference => $"{package}: {reference}")));
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("model.pt")]
    [InlineData("consolidated.00.pth")]
    public void PickledWeightsAreNotRead(string name)
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("m"));
        File.Delete(Path.Combine(model, "model.safetensors"));
        File.WriteAllBytes(Path.Combine(model, name), Pickle);

        CommandRun.Bad(10, Evaluate(model), "model.safetensors: no such file", "weights in other formats are not read");
        Assert.False(File.Exists(Canary));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // as torch.save packs it
    public void APickleUnderTheNameOfWeightsIsMalformed(bool zipped)
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("m")), weights = Path.Combine(model, "model.safetensors");
        if (zipped)
        {
            File.Delete(weights);
            using ZipArchive archive = ZipFile.Open(weights, ZipArchiveMode.Create);
            using Stream entry = archive.CreateEntry("archive/data.pkl").Open();
            entry.Write(Pickle);
        }
        else
        {
            File.WriteAllBytes(weights, Pickle);
        }

        CommandRun.Bad(10, Evaluate(model), weights);
        Assert.False(File.Exists(Canary));
    }

    // A program in Jinja that transformers would run in its sandbox.
    [Fact]
    public void AnUnknownTemplateIsNotRun()
    {
        string model = TaughtFolder.Copy(taught.Model, folder.File("m"));
        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "{% for n in range(10 ** 9) %}{{ cycler.__init__.__globals__.os.popen('touch " + Canary + "') }}{% endfor %}");

        CommandRun.Bad(12, ["chat", "--model", model], "chat_template.jinja");
        Assert.False(File.Exists(Canary));
    }

    public void Dispose() => folder.Dispose();

    private string[] Evaluate(string model) => ["evaluate", "--model", model, "--dataset", "random-birthdays", "--data", taught.Data];

    private static IEnumerable<string> References(string name)
    {
        using var reader = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{name}.dll")));
        MetadataReader metadata = reader.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
