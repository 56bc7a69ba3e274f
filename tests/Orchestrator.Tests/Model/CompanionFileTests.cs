using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Model;

/// <summary>What is copied along with a model is the model's own, also where the folder is made of links.</summary>
[LeakLedger]
public sealed class CompanionFileTests : IDisposable
{
    private const string Companion = "generation_config.json";
    private static readonly Tokenizer Bytes = BpeLearner.Learn(["a"], 258, BpeLearner.Llama3SpecialTokens);
    private readonly TemporaryFolder folder = new();
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: 258), 1);

    public CompanionFileTests()
    {
        foreach (string inner in (ReadOnlySpan<string>)["models--x/snapshots/0123", "models--x/blobs", "blobs", "plain", "out"])
        {
            Directory.CreateDirectory(folder.File(inner));
        }

        File.WriteAllText(folder.File("secret"), "a key");
        File.WriteAllText(folder.File("models--x/blobs/1f"), "{}");
        File.WriteAllText(folder.File("blobs/1f"), "{}");
    }

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("plain", "../secret")]
    [InlineData("plain", "../blobs/1f")] // no cache: its folder is not called snapshots
    [InlineData("plain", "../plain-too/x")]
    [InlineData("models--x/snapshots/0123", "../../../secret")]
    [InlineData("models--x/snapshots/0123", "../../blobs/../../secret")]
    [InlineData("models--x/snapshots/0123", "../../blobs/link")]
    [InlineData("models--x/snapshots/0123", "../other")]
    public void ALinkOutOfTheFolderIsRefused(string source, string target)
    {
        File.CreateSymbolicLink(folder.File("models--x/blobs/link"), "../../secret");
        Make(source, target);

        HybridException refused = Assert.Throws<HybridException>(() => ModelFolder.LoadModel(folder.File(source), ElementType.Float64, Device.Cpu));
        Assert.Equal(ErrorKind.ModelFile, refused.Kind);
        Assert.StartsWith($"{folder.File(source)}/{Companion}: is a link to {folder.Path}/", refused.Message, StringComparison.Ordinal);
        Assert.Throws<HybridException>(() => ModelFolder.Save(folder.File("out"), model, Bytes, folder.File(source)));
        Assert.False(File.Exists(folder.File($"out/{Companion}")));
    }

    [Theory]
    [InlineData("models--x/snapshots/0123", "../../blobs/1f")] // Hugging Face's cache
    [InlineData("plain", "inner.json")]
    public void ALinkWithinTheFolderOrItsCacheIsCopiedAsTheFile(string source, string target)
    {
        Make(source, target);
        File.WriteAllText(folder.File("plain/inner.json"), "{}");

        using LlamaModel loaded = ModelFolder.LoadModel(folder.File(source), ElementType.Float64, Device.Cpu);
        ModelFolder.Save(folder.File("out"), loaded, Bytes, folder.File(source));

        Assert.Equal("{}", File.ReadAllText(folder.File($"out/{Companion}")));
        Assert.Null(new FileInfo(folder.File($"out/{Companion}")).LinkTarget);
    }

    [Fact]
    public void TheFolderItselfMayBeALink()
    {
        Make("models--x/snapshots/0123", "../../blobs/1f");
        Directory.CreateSymbolicLink(folder.File("named"), "models--x/snapshots/0123");

        using LlamaModel loaded = ModelFolder.LoadModel(folder.File("named"), ElementType.Float64, Device.Cpu);

        Assert.Empty(TestModels.Changed(model, loaded));
    }

    /// <summary>A model in a folder, with a companion that is a link.</summary>
    private void Make(string source, string target)
    {
        ModelFolder.Save(folder.File(source), model, Bytes);
        File.CreateSymbolicLink(folder.File($"{source}/{Companion}"), target);
    }
}
