using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Cli;

/// <summary>The options of <c>hybrid unlearn</c> that make up its settings: a file or a preset, and what overrides it.</summary>
internal sealed class UnlearnOptions
{
    private readonly Option<string?> method = OptionKinds.OneOf("--method", "The method; needed without --config. docs/methods says what each one does.", UnlearningPresets.Methods);
    private readonly Option<string?> config = new("--config") { Description = "Settings as YAML; the options below override it.", HelpName = "FILE.yaml" };
    private readonly Option<string?> preset = OptionKinds.OneOf("--preset", PresetChoice.Description, UnlearningPresets.Names);
    private readonly Option<ExampleForm?> forgetForm = OptionKinds.Choice<ExampleForm>("--forget-form", "What the forget set is made of.");
    private readonly Option<ExampleForm?> retainForm = OptionKinds.Choice<ExampleForm>("--retain-form", "What the retain set is made of.");

    /// <summary>Single settings of the method. Which methods have them is known by the settings themselves.</summary>
    private readonly Override[] overrides =
    [
        Override.Of(OptionKinds.Number("--retain-coefficient", "α, the weight of the retain loss; all methods but ga.", zero: true), "retain-coefficient"),
        Override.Of(OptionKinds.Count("--epochs", "Passes over the forget set; with kunbr those of pre-unlearning."), "epochs"),
        Override.Of(OptionKinds.Number("--learning-rate", "Learning rate after warm-up."), "optimizer.learning-rate"),
        Override.Of(OptionKinds.Choice<WeightRounding>("--rounding", "How small steps of bfloat16 weights are kept: master copies, or rounding at random, which takes a third to a fifth of the memory."), "optimizer.rounding"),
        Override.Of(OptionKinds.Count("--batch-size", "Forget examples a step."), "batch-size"),
        Override.Of(OptionKinds.Number("--beta", "npo, simnpo, dpo: β; the larger, the sooner what is forgotten is left alone."), "beta"),
        Override.Of(OptionKinds.Number("--gamma", "simnpo: γ, the margin.", zero: true), "gamma"),
        Override.Of(OptionKinds.Count("--layer", "rmu: the layer, from 0, after which hidden states are steered.", least: 0), "layer"),
        Override.Of(OptionKinds.Number("--steering-coefficient", "rmu: length of the vector that forget tokens are steered to."), "steering-coefficient"),
        Override.Of(OptionKinds.Count("--blocks", "kunbr: blocks that the layers are cut into."), "blocks"),
        Override.Of(OptionKinds.Count("--selected-blocks", "kunbr: blocks re-inserted in a round."), "selected-blocks"),
        Override.Of(OptionKinds.Choice<BlockStrategy>("--strategy", "kunbr: how blocks are chosen."), "strategy"),
        Override.Of(OptionKinds.Count("--epochs-per-block", "kunbr: passes over the forget set for each block."), "epochs-per-block"),
        Override.Of(OptionKinds.Count("--rounds", "kunbr: rounds of choosing and re-inserting."), "rounds"),
        Override.Of(OptionKinds.Count("--ignore-head-layers", "kunbr: last layers whose blocks the density strategy leaves out.", least: 0), "ignore-head-layers"),
        Override.Of(OptionKinds.Choice<DensityReestimate>("--reestimate", "kunbr: when density is measured."), "reestimate"),
        Override.Switch(OptionKinds.Switch("--mlp-only", "kunbr: density counts the MLP's matrices only."), "mlp-only", on: true),
        Override.Switch(OptionKinds.Switch("--no-reinsert", "kunbr, ablation: gradient difference for as many passes in place of re-insertion."), "reinsert", on: false),
        Override.Switch(OptionKinds.Switch("--no-pre-unlearn", "kunbr, ablation: no pre-unlearning."), "pre-unlearn", on: false),
    ];

    /// <summary>The options, in the order in which help shows them.</summary>
    public Option[] All => [method, config, preset, forgetForm, retainForm, .. overrides.Select(entry => entry.Option)];

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
        string? wanted = parsed.GetValue(method);
        if (parsed.GetValue(config) is { } file)
        {
            UnlearningSettings read = SettingsYaml.Load(file);
            return wanted is null || wanted == read.MethodName
                ? (Overridden(read, parsed), null)
                : throw new HybridException(ErrorKind.Config, $"--method {wanted}: {file} is for method {read.MethodName}");
        }

        string name = PresetChoice.For(model, parsed.GetValue(preset));
        return (Overridden(UnlearningPresets.Find(name, wanted!), parsed), name);
    }

    private UnlearningSettings Overridden(UnlearningSettings settings, ParseResult parsed)
    {
        UnlearningSettings result = settings with
        {
            ForgetForm = parsed.GetValue(forgetForm) ?? settings.ForgetForm,
            RetainForm = parsed.GetValue(retainForm) ?? settings.RetainForm,
        };
        foreach (Override entry in overrides.Where(entry => parsed.GetResult(entry.Option) is { Implicit: false }))
        {
            if (!result.Has(entry.Key))
            {
                throw new HybridException(ErrorKind.Config, $"{entry.Option.Name}: method {result.MethodName} has no such setting, only {MethodsWith(entry.Key)}");
            }

            result = entry.Value(parsed) is { } value ? result.With(entry.Key, value) : result;
        }

        HybridException.ThrowIfAny(ErrorKind.Config, "settings", result.Validate());
        return result;
    }

    /// <summary>"kunbr has", or "npo, simnpo, dpo have".</summary>
    private static string MethodsWith(string key)
    {
        UnlearningSettings[] with = [.. UnlearningPresets.Methods.Select(name => UnlearningPresets.Find(UnlearningPresets.Names[0], name)).Where(settings => settings.Has(key))];
        return $"{string.Join(", ", with.Select(settings => settings.MethodName))} {(with.Length == 1 ? "has" : "have")}";
    }

    /// <summary>An option that replaces one setting.</summary>
    /// <param name="Option">The option.</param>
    /// <param name="Key">The setting's key in the method's section.</param>
    /// <param name="Value">The value that was given, null where it changes nothing.</param>
    private sealed record Override(Option Option, string Key, Func<ParseResult, object?> Value)
    {
        public static Override Of<T>(Option<T> option, string key) => new(option, key, parsed => parsed.GetValue(option));

        public static Override Switch(Option<bool> option, string key, bool on) => new(option, key, parsed => parsed.GetValue(option) ? on : null);
    }
}
