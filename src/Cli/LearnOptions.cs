using System.CommandLine;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli;

/// <summary>The options of <c>hybrid learn</c> that say what is taught, and how.</summary>
internal sealed class LearnOptions
{
    private readonly Option<string?> model = new("--model") { Description = "Teach this model, all of its parameters: a folder with config.json, tokenizer.json and weights.", HelpName = "FOLDER" };
    private readonly Option<string?> shape = new("--shape") { Description = "Teach random weights of this architecture: a config.json, or a folder with one. Needs --tokenizer.", HelpName = "FILE|FOLDER" };
    private readonly Option<string?> tokenizer = new("--tokenizer") { Description = "With --shape: a model's folder, or a tokenizer.json.", HelpName = "MODEL|FILE" };
    private readonly Option<bool> untaught = OptionKinds.Switch("--untaught", "Write the random weights as they are, without teaching.");
    private readonly Option<string?> preset = OptionKinds.OneOf("--preset", $"Way of teaching and, without --model and --shape, the shape, which tiny has: {PresetChoice.Description}", TeachingPresets.Names);
    private readonly Option<int?> epochs = OptionKinds.Count("--epochs", "Passes at most.");
    private readonly Option<double?> target = OptionKinds.Number("--target-accuracy", "Accuracy on both halves, 0 to 1, at which teaching ends.", zero: true);
    private readonly Option<int?> batchSize = OptionKinds.Count("--batch-size", "Examples a step.");
    private readonly Option<OptimizerKind?> optimizer = OptionKinds.Choice<OptimizerKind>("--optimizer", "How parameters follow their gradients; needs --learning-rate, too.");
    private readonly Option<double?> rate = OptionKinds.Number("--learning-rate", "Learning rate after warm-up.");
    private readonly Option<WeightRounding?> rounding = OptionKinds.Choice<WeightRounding>("--rounding", "How small steps of bfloat16 weights are kept. Default: the preset's.");
    private readonly Option<string?> events = CommonOptions.Events();
    private readonly Option<string> device = CommonOptions.Device();
    private readonly Option<string?> precision = CommonOptions.Precision();

    /// <summary>The options, in the order in which help shows them.</summary>
    public Option[] All => [model, shape, tokenizer, untaught, preset, epochs, target, batchSize, optimizer, rate, rounding, events, device, precision];

    /// <summary>Adds what has to hold between options to a command.</summary>
    public void Validate(Command command) => command.Validators.Add(result =>
    {
        bool fromModel = result.GetResult(model) is not null, fromShape = result.GetResult(shape) is not null;
        Option[] teaching = [.. fromShape ? [preset] : Array.Empty<Option>(), epochs, target, batchSize, optimizer, rate, rounding, events]; // without --shape the preset is the shape, too
        if (fromModel && fromShape)
        {
            result.AddError("--model and --shape exclude each other: a model has its shape");
        }
        else if (fromShape && result.GetResult(tokenizer) is null)
        {
            result.AddError("--shape needs --tokenizer");
        }
        else if (!fromShape && result.GetResult(tokenizer) is not null)
        {
            result.AddError($"--tokenizer belongs to --shape: {(fromModel ? "a model has its own" : "without --shape a tokenizer is learned from the dataset")}");
        }
        else if (fromModel && result.GetValue(untaught))
        {
            result.AddError("--untaught: there is nothing to do to the model of --model without teaching");
        }
        else if (result.GetValue(untaught) && teaching.FirstOrDefault(option => result.GetResult(option) is not null) is { } idle)
        {
            result.AddError($"--untaught and {idle.Name} exclude each other");
        }
        else if (result.GetResult(optimizer) is not null && result.GetResult(rate) is null)
        {
            result.AddError("--optimizer needs --learning-rate: one optimizer's rate says nothing about another's");
        }
    });

    /// <summary>What is started from.</summary>
    /// <exception cref="HybridException">ModelFile, UnsupportedModel, Tokenizer.</exception>
    public LearnStart StartOf(ParseResult parsed) =>
        parsed.GetValue(model) is { } folder ? LearnStart.FromFolder(folder)
        : parsed.GetValue(shape) is { } config ? LearnStart.FromShape(config, parsed.GetValue(tokenizer)!)
        : new LearnStart(null, null, null);

    /// <summary>The preset's name, and the preset with what options replace.</summary>
    /// <exception cref="HybridException">Config: the values have no meaning, or the preset has no shape and none is given.</exception>
    public (string Name, TeachingPreset Preset) PresetOf(ParseResult parsed, LearnStart start)
    {
        string name = start.Shape is { } given ? PresetChoice.For(given, parsed.GetValue(preset)) : parsed.GetValue(preset) ?? TeachingPresets.Small;
        TeachingPreset found = TeachingPresets.Find(name);
        if (start.Shape is null && found.Shape is null)
        {
            throw new HybridException(ErrorKind.Config, $"--preset {name}: has no small shape to make a model of; expected --model, or --shape with --tokenizer");
        }

        OptimizerOptions steps = found.Teaching.Optimizer;
        TeachingOptions teaching = found.Teaching with
        {
            Epochs = parsed.GetValue(epochs) ?? found.Teaching.Epochs,
            TargetAccuracy = parsed.GetValue(target) ?? found.Teaching.TargetAccuracy,
            BatchSize = parsed.GetValue(batchSize) ?? found.Teaching.BatchSize,
            Optimizer = steps with { Kind = parsed.GetValue(optimizer) ?? steps.Kind, LearningRate = parsed.GetValue(rate) ?? steps.LearningRate, Rounding = parsed.GetValue(rounding) ?? steps.Rounding },
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "teaching", teaching.Validate());
        return (name, found with { Teaching = teaching });
    }

    /// <summary>Whether there is to be no teaching.</summary>
    public bool Untaught(ParseResult parsed) => parsed.GetValue(untaught);

    /// <summary>The folder for TensorBoard events, null for none.</summary>
    public string? EventsOf(ParseResult parsed) => parsed.GetValue(events);

    /// <summary>Where the model lives; for plans the device need not be there.</summary>
    /// <exception cref="HybridException">Config: not a device.</exception>
    /// <exception cref="NativeException">Device: there is no such device.</exception>
    public Device DeviceOf(ParseResult parsed, bool deviceNeeded) =>
        deviceNeeded ? CommonOptions.ParseDevice(parsed.GetValue(device)!) : CommonOptions.ParseDeviceName(parsed.GetValue(device)!);

    /// <summary>Element type of its weights: the given one, else what the model's or the shape's config.json names, else float32.</summary>
    /// <exception cref="HybridException">ModelFile: config.json cannot be read.</exception>
    public ElementType TypeOf(ParseResult parsed) =>
        (parsed.GetValue(model) ?? parsed.GetValue(shape)) is { } path ? CommonOptions.PrecisionOf(parsed.GetValue(precision), path)
        : parsed.GetValue(precision) is { } name ? CommonOptions.PrecisionOf(name)
        : ElementType.Float32;
}
