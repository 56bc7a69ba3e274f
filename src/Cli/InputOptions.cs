using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Cli;

/// <summary>The options that say what a command works on: a model, a dataset, a device and threads.</summary>
internal sealed class InputOptions
{
    private readonly Option<string> model = CommonOptions.Model();
    private readonly DatasetOptions dataset = new();
    private readonly Option<string> device = CommonOptions.Device();
    private readonly Option<string?> precision = CommonOptions.Precision();
    private readonly Option<int?> threads = CommonOptions.Threads();

    /// <summary>A command with these options, then its own.</summary>
    public Command CommandWith(string name, string description, params ReadOnlySpan<Option> own)
    {
        var command = new Command(name, description) { model };
        dataset.AddTo(command);
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }

        command.Options.Add(device);
        command.Options.Add(precision);
        command.Options.Add(threads);
        return command;
    }

    /// <summary>The model's folder.</summary>
    public string ModelOf(ParseResult parsed) => parsed.GetValue(model)!;

    /// <summary>The options that name the dataset.</summary>
    public DatasetOptions Dataset => dataset;

    /// <summary>Size and time of the model's and the dataset's files: whoever replaces one has another run.</summary>
    public string StampOf(ParseResult parsed) => FileStamps.Digest(Directory.EnumerateFiles(ModelOf(parsed)).Concat(dataset.Find(parsed).Paths).Order(StringComparer.Ordinal));

    /// <summary>Puts the threads into force and loads everything but the weights.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="deviceNeeded">Whether the device must be there: false for plans.</param>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel, Tokenizer, DataFile, EmptySplit, Config, Io.</exception>
    public Input Open(ParseResult parsed, bool deviceNeeded = true)
    {
        CommandContext.UseThreads(parsed.GetValue(threads));
        string text = parsed.GetValue(device)!;
        Device place = deviceNeeded ? CommonOptions.ParseDevice(text) : CommonOptions.ParseDeviceName(text);
        string folder = ModelOf(parsed);
        LlamaConfig config = ModelFolder.LoadConfig(folder);
        UnlearningDataset loaded = dataset.Load(parsed);
        return new Input(folder, config, ModelFolder.LoadTokenizer(folder, config), loaded, CommonOptions.PrecisionOf(parsed.GetValue(precision), folder), place);
    }
}

/// <summary>What a command works on: everything that is quickly read. The weights are loaded when it is known that they fit.</summary>
/// <param name="Folder">Where the model comes from.</param>
/// <param name="Config">Its shape.</param>
/// <param name="Tokenizer">Its tokenizer.</param>
/// <param name="Dataset">The dataset.</param>
/// <param name="Type">The element type asked for.</param>
/// <param name="Device">Where it is to compute.</param>
internal sealed record Input(string Folder, LlamaConfig Config, Tokenizer Tokenizer, UnlearningDataset Dataset, ElementType Type, Device Device)
{
    /// <summary>What memory is planned for.</summary>
    public Workload Workload => new(Folder, Config, Type, Device);

    /// <summary>Loads the weights onto the device; the caller owns the model.</summary>
    public LlamaModel LoadModel() => ModelFolder.LoadModel(Folder, Type, Device);

    /// <summary>Loads the weights to where the plan wants them; the caller owns the model.</summary>
    public LlamaModel LoadModel(MemoryPlan plan, bool isSecond = false) => plan.Load(Folder, Type, Device, isSecond);

    /// <summary>Makes token sequences no longer than the model and the given number allow.</summary>
    public ExampleEncoder Encoder(int maximumTokens = ExampleEncoder.UsualMaximumTokens) => new(Tokenizer, Math.Min(maximumTokens, Config.MaximumPositions));

    /// <summary>Asks questions.</summary>
    public McqEvaluator Evaluator() => new(Encoder());
}
