using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Cli;

/// <summary>The options of <c>hybrid unlearn</c> that make up its settings: a file or a preset, and what overrides it.</summary>
internal sealed class UnlearnOptions
{
    private readonly Option<MethodKind?> method = OptionKinds.Choice<MethodKind>("--method", "gd (gradient difference) or kunbr; needed without --config.");
    private readonly Option<string?> config = new("--config") { Description = "Settings as YAML; the options below override it.", HelpName = "FILE.yaml" };
    private readonly Option<string?> preset = OptionKinds.OneOf("--preset", PresetChoice.Description, UnlearningPresets.Names);
    private readonly Option<double?> retainCoefficient = OptionKinds.Number("--retain-coefficient", "α, the weight of the retain loss.", zero: true);
    private readonly Option<int?> epochs = OptionKinds.Count("--epochs", "Passes over the forget set; with kunbr those of pre-unlearning.");
    private readonly Option<double?> learningRate = OptionKinds.Number("--learning-rate", "Learning rate after warm-up.");
    private readonly Option<int?> batchSize = OptionKinds.Count("--batch-size", "Forget examples a step.");
    private readonly Option<ExampleForm?> forgetForm = OptionKinds.Choice<ExampleForm>("--forget-form", "What the forget set is made of.");
    private readonly Option<ExampleForm?> retainForm = OptionKinds.Choice<ExampleForm>("--retain-form", "What the retain set is made of.");
    private readonly Option<int?> blocks = OptionKinds.Count("--blocks", "kunbr: blocks that the layers are cut into.");
    private readonly Option<int?> selectedBlocks = OptionKinds.Count("--selected-blocks", "kunbr: blocks re-inserted in a round.");
    private readonly Option<BlockStrategy?> strategy = OptionKinds.Choice<BlockStrategy>("--strategy", "kunbr: how blocks are chosen.");
    private readonly Option<int?> epochsPerBlock = OptionKinds.Count("--epochs-per-block", "kunbr: passes over the forget set for each block.");
    private readonly Option<int?> rounds = OptionKinds.Count("--rounds", "kunbr: rounds of choosing and re-inserting.");
    private readonly Option<int?> ignoreHeadLayers = OptionKinds.Count("--ignore-head-layers", "kunbr: last layers whose blocks the density strategy leaves out.", least: 0);
    private readonly Option<DensityReestimate?> reestimate = OptionKinds.Choice<DensityReestimate>("--reestimate", "kunbr: when density is measured.");
    private readonly Option<bool> mlpOnly = OptionKinds.Switch("--mlp-only", "kunbr: density counts the MLP's matrices only.");
    private readonly Option<bool> noReinsert = OptionKinds.Switch("--no-reinsert", "kunbr, ablation: gradient difference for as many passes in place of re-insertion.");
    private readonly Option<bool> noPreUnlearn = OptionKinds.Switch("--no-pre-unlearn", "kunbr, ablation: no pre-unlearning.");

    /// <summary>The options, in the order in which help shows them.</summary>
    public Option[] All => [method, config, preset, retainCoefficient, epochs, learningRate, batchSize, forgetForm, retainForm, .. ForKunbr];

    private Option[] ForKunbr => [blocks, selectedBlocks, strategy, epochsPerBlock, rounds, ignoreHeadLayers, reestimate, mlpOnly, noReinsert, noPreUnlearn];

    /// <summary>Adds what has to hold between options to a command.</summary>
    public void Validate(Command command) => command.Validators.Add(result =>
    {
        bool fromFile = result.GetResult(config) is not null;
        if (fromFile && result.GetResult(preset) is not null)
        {
            result.AddError("--config and --preset exclude each other; a file may name its preset itself");
        }
        else if (!fromFile && result.GetResult(method) is null)
        {
            result.AddError("--method or --config is needed");
        }
    });

    /// <summary>The settings for a model, and the name of the preset they come from, null where they come from a file.</summary>
    /// <exception cref="HybridException">Config: the file is wrong, an option does not belong to the method, or the settings have no meaning.</exception>
    public (UnlearningSettings Settings, string? Preset) Resolve(ParseResult parsed, LlamaConfig model)
    {
        MethodKind? wanted = parsed.GetValue(method);
        if (parsed.GetValue(config) is { } file)
        {
            UnlearningSettings read = SettingsYaml.Load(file);
            return wanted is null || wanted == read.Method
                ? (Override(read, parsed), null)
                : throw new HybridException(ErrorKind.Config, $"--method {KebabCase.Of(wanted.ToString()!)}: {file} is for method {read.MethodName}");
        }

        string name = PresetChoice.For(model, parsed.GetValue(preset));
        return (Override(UnlearningPresets.Find(name, wanted!.Value), parsed), name);
    }

    private UnlearningSettings Override(UnlearningSettings settings, ParseResult parsed)
    {
        if (settings.Kunbr is null && ForKunbr.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } foreign)
        {
            throw new HybridException(ErrorKind.Config, $"{foreign.Name}: method {settings.MethodName} has no such setting, only kunbr has");
        }

        UnlearningSettings result = settings with
        {
            ForgetForm = parsed.GetValue(forgetForm) ?? settings.ForgetForm,
            RetainForm = parsed.GetValue(retainForm) ?? settings.RetainForm,
            Gd = settings.Gd is { } gd ? Override(gd, parsed) : null,
            Kunbr = settings.Kunbr is { } kunbr ? Override(kunbr, parsed) : null,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "settings", result.Validate());
        return result;
    }

    private GradientDifferenceOptions Override(GradientDifferenceOptions gd, ParseResult parsed) => gd with
    {
        RetainCoefficient = parsed.GetValue(retainCoefficient) ?? gd.RetainCoefficient,
        Epochs = parsed.GetValue(epochs) ?? gd.Epochs,
        BatchSize = parsed.GetValue(batchSize) ?? gd.BatchSize,
        Optimizer = gd.Optimizer with { LearningRate = parsed.GetValue(learningRate) ?? gd.Optimizer.LearningRate },
    };

    private KUnBROptions Override(KUnBROptions kunbr, ParseResult parsed) => kunbr with
    {
        PreUnlearning = Override(kunbr.PreUnlearning, parsed),
        Blocks = parsed.GetValue(blocks) ?? kunbr.Blocks,
        SelectedBlocks = parsed.GetValue(selectedBlocks) ?? kunbr.SelectedBlocks,
        Strategy = parsed.GetValue(strategy) ?? kunbr.Strategy,
        EpochsPerBlock = parsed.GetValue(epochsPerBlock) ?? kunbr.EpochsPerBlock,
        Rounds = parsed.GetValue(rounds) ?? kunbr.Rounds,
        IgnoreHeadLayers = parsed.GetValue(ignoreHeadLayers) ?? kunbr.IgnoreHeadLayers,
        Reestimate = parsed.GetValue(reestimate) ?? kunbr.Reestimate,
        MlpOnly = kunbr.MlpOnly || parsed.GetValue(mlpOnly),
        Reinsert = kunbr.Reinsert && !parsed.GetValue(noReinsert),
        PreUnlearn = kunbr.PreUnlearn && !parsed.GetValue(noPreUnlearn),
    };
}
