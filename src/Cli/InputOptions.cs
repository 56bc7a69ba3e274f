using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
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

    /// <summary>Puts the threads into force and loads everything; what is quickly read, and quickly found to be wrong, first.</summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel, Tokenizer, DataFile, EmptySplit, Config, Io.</exception>
    public Input Load(ParseResult parsed)
    {
        CommandContext.UseThreads(parsed.GetValue(threads));
        Device place = CommonOptions.ParseDevice(parsed.GetValue(device)!);
        string folder = ModelOf(parsed);
        LlamaConfig config = ModelFolder.LoadConfig(folder);
        UnlearningDataset loaded = dataset.Load(parsed);
        Tokenizer tokenizer = ModelFolder.LoadTokenizer(folder, config);
        return new Input(folder, ModelFolder.LoadModel(folder, CommonOptions.PrecisionOf(parsed.GetValue(precision)), place), tokenizer, loaded);
    }
}

/// <summary>What a command works on, loaded. Owns the model.</summary>
internal sealed class Input(string folder, LlamaModel model, Tokenizer tokenizer, UnlearningDataset dataset) : IDisposable
{
    /// <summary>Where the model came from.</summary>
    public string Folder { get; } = folder;

    /// <summary>The model, in the element type asked for.</summary>
    public LlamaModel Model { get; } = model;

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; } = tokenizer;

    /// <summary>The dataset.</summary>
    public UnlearningDataset Dataset { get; } = dataset;

    /// <summary>Makes token sequences no longer than the model and the given number allow.</summary>
    public ExampleEncoder Encoder(int maximumTokens = ExampleEncoder.UsualMaximumTokens) => new(Tokenizer, Math.Min(maximumTokens, Model.Config.MaximumPositions));

    /// <summary>Asks questions.</summary>
    public McqEvaluator Evaluator() => new(Encoder());

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
