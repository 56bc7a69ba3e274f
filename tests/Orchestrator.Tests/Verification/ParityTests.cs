using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Hybrid.Interop;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Verification;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Verification;

/// <summary>The committed reference folders: they are what they were, this machine agrees with them, and would not with any other.</summary>
[LeakLedger]
public sealed class ParityTests : IDisposable
{
    private const string Assets = "tests/assets";
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("parity")]
    [InlineData("parity-float64")]
    public void EveryQuantityAgrees(string name)
    {
        IReadOnlyList<ParityRow> rows = ParityCheck.Run(RepositoryFolder.PathOf($"{Assets}/{name}"), Device.Cpu);

        Assert.Equal(19, rows.Count);
        Assert.Equal(19, rows.Select(row => row.Quantity).Distinct().Count());
        Assert.All(rows, row => Assert.True(row.Passed, $"{row.Quantity}: {row.MaximumRelative:0.0e+0}, {row.Tolerance:0e+0} is allowed"));
    }

    [Fact]
    public void BFloat16AgreesAsFarAsItCan()
    {
        IReadOnlyList<ParityRow> rows = ParityCheck.Run(RepositoryFolder.PathOf($"{Assets}/parity"), Device.Cpu, ElementType.BFloat16);

        Assert.Equal(16, rows.Count); // no gradients of RMU, no single weights after Lion
        Assert.All(rows, row => Assert.True(row.Passed, $"{row.Quantity}: {row.MaximumRelative:0.0e+0}, {row.Tolerance:0e+0} is allowed"));
        Assert.True(rows.Single(row => row.Quantity == "gradients of gd").MaximumRelative > 1e-3); // it was bfloat16
        HybridException error = Assert.Throws<HybridException>(() => ParityCheck.Run(RepositoryFolder.PathOf($"{Assets}/parity-float64"), Device.Cpu, ElementType.BFloat16));
        Assert.Equal(ErrorKind.UnsupportedModel, error.Kind);
    }

    [Fact]
    public void TheFilesAreThoseDescribed()
    {
        string root = RepositoryFolder.PathOf(Assets);
        Match[] described = [.. Regex.Matches(File.ReadAllText(Path.Combine(root, "README.md")), @"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", RegexOptions.Multiline).Cast<Match>()];
        string[] present = [.. Directory.GetFiles(root, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(root, path)).Where(path => path != "README.md" && !path.StartsWith("hostile/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

        Assert.Equal(present, described.Select(row => row.Groups[1].Value).Order(StringComparer.Ordinal));
        Assert.All(described, row => Assert.Equal(row.Groups[2].Value, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(root, row.Groups[1].Value))))));
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj.weight")]
    [InlineData("model.layers.2.mlp.down_proj.weight")]
    [InlineData("model.layers.1.post_attention_layernorm.weight")]
    [InlineData("model.norm.weight")]
    public void OneChangedWeightIsFound(string name)
    {
        Copy("parity");
        Edit("model.safetensors", name, values => values[3] += 0.05);

        string[] failed = Failed();

        Assert.Contains("logits, right-padded batch", failed);
        Assert.Contains("gradients of gd", failed);
    }

    [Theory]
    [InlineData("forget.logits", "logits, right-padded batch")]
    [InlineData("retain.logits", "logits, left-padded batch")]
    [InlineData("forget.example_nll_sum", "NLL per example, sum")]
    [InlineData("forget.example_nll_mean", "NLL per example, mean")]
    [InlineData("loss.gd", "loss gd")]
    [InlineData("loss.npo", "loss npo")]
    [InlineData("loss.rmu", "loss rmu")]
    [InlineData("grad.ga.model.layers.1.mlp.up_proj.weight", "gradients of ga")]
    [InlineData("grad.npo.model.embed_tokens.weight", "gradients of npo")]
    [InlineData("grad.rmu.model.layers.0.mlp.down_proj.weight", "gradients of rmu")]
    [InlineData("density.all", "density, all parameters")]
    [InlineData("density.mlp", "density, MLP")]
    [InlineData("lion.losses", "ten GD steps with Lion, losses")]
    [InlineData("lion.final.model.layers.2.mlp.up_proj.weight", "ten GD steps with Lion, weights")]
    public void OneChangedExpectedNumberIsFoundAndNothingElse(string key, string quantity)
    {
        Copy("parity");
        Edit("expected.safetensors", key, values =>
        {
            int largest = Array.IndexOf(values, values.MaxBy(Math.Abs));
            values[largest] *= 1.001f;
        });

        Assert.Equal([quantity], Failed());
    }

    [Fact]
    public void AnExpectedNaNIsADifference()
    {
        Copy("parity");
        Edit("expected.safetensors", "density.all", values => values[0] = double.NaN);
        Edit("expected.safetensors", "grad.nll.model.norm.weight", values => values[0] = double.NaN);

        Assert.Equal(["gradients of nll", "density, all parameters"], Failed());
    }

    [Fact]
    public void WeightsThatWentTheOtherWayAreCounted()
    {
        Copy("parity");
        Edit("expected.safetensors", "lion.final.model.layers.2.mlp.up_proj.weight", values =>
        {
            for (int i = 0; i < 20; i++)
            {
                values[i] += 2e-3;
            }
        });

        Assert.Equal(["ten GD steps with Lion, share of flipped signs"], Failed());
    }

    [Theory]
    [InlineData("parity", "\"rope_theta\": 10000.0", "\"rope_theta\": 9000.0")]
    [InlineData("parity", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e-03")]
    [InlineData("parity", "\"vocab_size\": 61,", "\"vocab_size\": 61, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 16},")]
    [InlineData("parity-float64", "\"factor\": 8.0", "\"factor\": 7.9")]
    [InlineData("parity-float64", "\"low_freq_factor\": 1.0", "\"low_freq_factor\": 1.1")]
    [InlineData("parity-float64", "\"original_max_position_embeddings\": 16", "\"original_max_position_embeddings\": 17")]
    public void AChangedConfigurationIsFound(string name, string part, string replacement)
    {
        Copy(name);
        string config = File.ReadAllText(folder.File("config.json"));
        Assert.Contains(part, config, StringComparison.Ordinal);
        File.WriteAllText(folder.File("config.json"), config.Replace(part, replacement, StringComparison.Ordinal));

        string[] failed = Failed();

        Assert.Contains("logits, right-padded batch", failed);
        Assert.Contains("logits, left-padded batch", failed);
        Assert.Contains("gradients of gd", failed);
    }

    [Theory]
    [InlineData("batch.json", ErrorKind.DataFile)]
    [InlineData("expected.safetensors", ErrorKind.DataFile)]
    [InlineData("model.safetensors", ErrorKind.ModelFile)]
    [InlineData("config.json", ErrorKind.ModelFile)]
    public void AMissingFileIsNamed(string file, ErrorKind kind)
    {
        Copy("parity");
        File.Delete(folder.File(file));

        HybridException error = Assert.Throws<HybridException>(() => ParityCheck.Run(folder.Path, Device.Cpu));

        Assert.Equal(kind, error.Kind);
        Assert.Contains(folder.File(file), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingNumberIsNamed()
    {
        Copy("parity");
        Rewrite("expected.safetensors", tensors => tensors.Remove("density.mlp"));

        HybridException error = Assert.Throws<HybridException>(() => ParityCheck.Run(folder.Path, Device.Cpu));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains("density.mlp", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AGradientThatIsAbsentOnOneSideIsNamed()
    {
        Copy("parity");
        Rewrite("expected.safetensors", tensors => tensors.Remove("grad.npo.model.norm.weight"));

        HybridException error = Assert.Throws<HybridException>(() => ParityCheck.Run(folder.Path, Device.Cpu));

        Assert.Equal(ErrorKind.Mismatch, error.Kind);
        Assert.Contains("grad.npo.model.norm.weight", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"forget\": null, \"retain\": null}")]
    [InlineData("{\"forget\": {\"ids\": [], \"attend\": [], \"scored\": []}, \"retain\": {\"ids\": [], \"attend\": [], \"scored\": []}}")]
    [InlineData("{\"forget\": {\"ids\": null, \"attend\": [], \"scored\": []}, \"retain\": {\"ids\": [], \"attend\": [], \"scored\": []}}")]
    public void ABatchWithoutRowsIsADataError(string text)
    {
        Copy("parity");
        File.WriteAllText(folder.File("batch.json"), text);

        Assert.Equal(ErrorKind.DataFile, Assert.Throws<HybridException>(() => ParityCheck.Run(folder.Path, Device.Cpu)).Kind);
    }

    [Theory]
    [InlineData("\"attend\"", "\"attended\"")]
    [InlineData("\"retain\"", "\"keep\"")]
    [InlineData("\"attend\": [[1, 1,", "\"attend\": [[1, 0,")]
    [InlineData("\"scored\": [[0,", "\"scored\": [[")]
    [InlineData("\"scored\": [[0,", "\"scored\": [[1,")]
    [InlineData("\"forget\": {", "\"forget\": null, \"other\": {")]
    [InlineData("{", "")]
    public void AMalformedBatchIsADataError(string part, string replacement)
    {
        Copy("parity");
        string text = File.ReadAllText(folder.File("batch.json"));
        int at = text.IndexOf(part, StringComparison.Ordinal);
        Assert.InRange(at, 0, text.Length);
        File.WriteAllText(folder.File("batch.json"), text[..at] + replacement + text[(at + part.Length)..]);

        HybridException error = Assert.Throws<HybridException>(() => ParityCheck.Run(folder.Path, Device.Cpu));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains("batch.json", error.Message, StringComparison.Ordinal);
    }

    private string[] Failed() => [.. ParityCheck.Run(folder.Path, Device.Cpu).Where(row => !row.Passed).Select(row => row.Quantity)];

    private void Copy(string name)
    {
        foreach (string path in Directory.GetFiles(RepositoryFolder.PathOf($"{Assets}/{name}")))
        {
            File.Copy(path, folder.File(Path.GetFileName(path)));
        }
    }

    /// <summary>Changes the values of one tensor of a file.</summary>
    private void Edit(string file, string name, Action<double[]> edit) => Rewrite(file, tensors =>
    {
        Tensor tensor = tensors[name];
        double[] values = tensor.ToDoubles();
        edit(values);
        tensors[name] = Tensor.From<double>(values, tensor.Shape, Device.Cpu).To(tensor.ElementType, Device.Cpu);
    });

    private void Rewrite(string file, Action<Dictionary<string, Tensor>> edit)
    {
        using TensorScope scope = TensorScope.Begin();
        Dictionary<string, Tensor> tensors;
        using (SafetensorsFile source = SafetensorsFile.Open(folder.File(file)))
        {
            tensors = source.Names.ToDictionary(name => name, name => source.Read(name, source.Describe(name).Type, Device.Cpu));
        }

        edit(tensors);
        SafetensorsFile.Write(folder.File(file), [.. tensors], []);
    }
}
