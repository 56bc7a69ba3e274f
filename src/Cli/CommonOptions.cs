using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>Options that several commands share, each made in one place.</summary>
internal static class CommonOptions
{
    /// <summary>More threads than this many for each processor only wait for one another.</summary>
    private const int ThreadsPerProcessor = 16;

    private const string DeviceOption = "--device";

    public static Option<string> Model(string description = "The model: a folder with config.json, tokenizer.json and weights (model.safetensors, or shards with an index).") =>
        new("--model") { Description = description, Required = true, HelpName = "FOLDER" };

    public static Option<string> Tokenizer() =>
        new("--tokenizer") { Description = "A model's folder, a tokenizer.json, or Llama 3's tokenizer.model.", Required = true, HelpName = "MODEL|FILE" };

    /// <summary>The tokenizer of a model's folder or of a file.</summary>
    /// <exception cref="HybridException">Tokenizer: malformed or missing.</exception>
    public static Tokenizer LoadTokenizer(string path) =>
        Directory.Exists(path) ? ModelFolder.LoadTokenizer(path)
        : Path.GetFileName(path) == Llama3Tiktoken.FileName ? Llama3Tiktoken.Load(path)
        : Hybrid.Orchestrator.Text.Tokenizer.Load(path);

    public static Option<string> Out(string description) => new("--out")
    {
        Description = description,
        Required = true,
        HelpName = "FOLDER",
        CustomParser = OptionKinds.ParsePath,
    };

    public static Option<bool> Overwrite() => OptionKinds.Switch("--overwrite", "Replace what is in the folder.");

    /// <summary>The most bytes of weights in one file that is written.</summary>
    public static Option<long?> ShardSize() => OptionKinds.Bytes(
        "--shard-size", "The most bytes of weights in one file, such as 500MB; more is written as shards with an index. Default: 5GB.");

    public static Option<string?> Json() => new("--json")
    {
        Description = "Also write the result as JSON to this file; without a name, or '-': to standard output, and nothing else there.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => result.Tokens.Count == 0 ? JsonOutput.StandardOutput : OptionKinds.ParsePath(result),
    };

    public static Option<string?> Events() => new("--events")
    {
        Description = "Also write every step's losses as TensorBoard events into this folder.",
        HelpName = "FOLDER",
        CustomParser = OptionKinds.ParsePath,
    };

    public static Option<ulong> Seed() => OptionKinds.Seed("--seed", "Where all chance comes from; the same seed, machine and threads give the same bytes.");

    public static Option<string?> ChatTemplateName() => OptionKinds.OneOf(
        "--chat-template", "How turns are written. Default: what the model's folder says.", [.. ChatTemplate.All.Select(known => known.Name)]);

    public static Option<double?> Temperature() => OptionKinds.Number(
        "--temperature", "Logits are divided by it; 0, the default, takes the likeliest token each time.", zero: true);

    public static Option<double?> TopP() => OptionKinds.Number(
        "--top-p", "Draw from the fewest likeliest tokens whose probabilities sum to this; 1, the default, for all tokens.");

    /// <summary>How tokens are chosen, by the three options that say it.</summary>
    /// <exception cref="HybridException">Config: they have no meaning; the message begins with the command's name.</exception>
    public static SamplingOptions Sampling(string command, double? temperature, double? topP, ulong seed)
    {
        var sampling = new SamplingOptions { Temperature = temperature ?? 0, TopP = topP ?? 1, Seed = seed };
        HybridException.ThrowIfAny(ErrorKind.Config, command, sampling.Validate());
        return sampling;
    }

    public static Option<string> Device() => new(DeviceOption) { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu" };

    /// <summary>The element types that weights can be used in, by their names.</summary>
    private static readonly Dictionary<string, ElementType> Precisions = new(StringComparer.Ordinal)
    {
        ["float32"] = ElementType.Float32,
        ["bfloat16"] = ElementType.BFloat16,
    };

    public static Option<string?> Precision() => OptionKinds.OneOf(
        "--dtype", "Type of weights and activations, and of weights that are saved. Default: the model's own, float32 where that is another.", [.. Precisions.Keys]);

    /// <summary>The element type of a name.</summary>
    public static ElementType PrecisionOf(string name) => Precisions[name];

    /// <summary>The element type of a name; without one that which the model's config.json names, float32 where that is neither of the two.</summary>
    /// <param name="name">The name, null for the model's own type.</param>
    /// <param name="path">The model's folder, or its config.json.</param>
    /// <exception cref="HybridException">ModelFile: config.json cannot be read.</exception>
    public static ElementType PrecisionOf(string? name, string path) =>
        Precisions.GetValueOrDefault(name ?? LlamaConfigJson.LoadElementType(ModelFolder.ConfigPath(path)) ?? string.Empty, ElementType.Float32);

    public static Option<int?> Threads() => OptionKinds.Count(
        "--threads", "Threads of one operation; default: one for each processor.", most: ThreadsPerProcessor * Environment.ProcessorCount);

    /// <summary>The device that <c>--device</c> names.</summary>
    /// <exception cref="HybridException">Config: not a device.</exception>
    /// <exception cref="NativeException">Device: there is no such device.</exception>
    public static Device ParseDevice(string text) => DeviceName.Require(text, DeviceOption);

    /// <summary>The same of a device that need not be here.</summary>
    /// <exception cref="HybridException">Config: not a device.</exception>
    public static Device ParseDeviceName(string text) => DeviceName.Read(text, DeviceOption);
}
