using System.CommandLine;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Cli;

/// <summary>The options of <c>hybrid attack</c> that make up its settings: which attack, a preset, and what overrides it.</summary>
internal sealed class AttackOptions
{
    private readonly Option<AttackKind?> attack = OptionKinds.Choice<AttackKind>("--attack", "Which attack. Default: rtt.");
    private readonly Option<int[]?> folds = OptionKinds.Folds(
        "--folds", "rtt: how many of the forget splits to hold out, one at a time, from the first; or a list with commas of which ones, counted from 0. Default: all.");

    private readonly Option<double[]?> learningRates = OptionKinds.Numbers("--learning-rates", "rtt, retain-relearning: rates to try; the attacker keeps the best.");
    private readonly Option<int?> epochs = OptionKinds.Count("--epochs", "rtt, retain-relearning: passes over T, or over the retain text.");
    private readonly Option<int?> batchSize = OptionKinds.Count("--batch-size", "rtt, retain-relearning: examples a step.");
    private readonly Option<QuestionForm?> form = OptionKinds.Choice<QuestionForm>("--form", "rtt: how questions of T are trained on.");
    private readonly Option<WeightRounding?> rounding = OptionKinds.Choice<WeightRounding>("--rounding", "rtt, retain-relearning: how small steps of bfloat16 weights are kept. Default: the preset's.");
    private readonly Option<bool> keepLeaks = OptionKinds.Switch("--keep-leaks", "rtt: keep questions in V that also stand in T, as the published runs do.");
    private readonly Option<int?> maximumExamples = OptionKinds.Count("--max-examples", "retain-relearning: texts used at most.");
    private readonly Option<int[]?> bits = OptionKinds.Counts("--bits", "quantization: bits a weight, 2 to 8.");
    private readonly Option<int?> groupSize = OptionKinds.Count("--group-size", "quantization: weights that share a scale.");
    private readonly Option<string?> preset = OptionKinds.OneOf("--preset", PresetChoice.Description, RelearningPresets.Names);
    private readonly Option<int?> jobs = OptionKinds.Count("--jobs", "rtt, retain-relearning: jobs (a fold at a rate) side by side, which share the threads. Default: 1.", most: 1024);
    private readonly Option<string?> output = new("--out")
    {
        Description = "rtt, retain-relearning: a folder that keeps a file for each finished job; those that are there are not run again.",
        HelpName = "FOLDER",
        CustomParser = OptionKinds.ParsePath,
    };

    private readonly Option<string?> events = CommonOptions.Events();

    /// <summary>The options, in the order in which help shows them.</summary>
    public Option[] All => [attack, folds, learningRates, epochs, batchSize, form, rounding, keepLeaks, maximumExamples, bits, groupSize, preset, jobs, output, events];

    /// <summary>Which attack.</summary>
    /// <exception cref="HybridException">Config: an option is given that it does not have.</exception>
    public AttackKind KindOf(ParseResult parsed)
    {
        AttackKind kind = parsed.GetValue(attack) ?? AttackKind.Rtt;
        Option[] own = kind switch
        {
            AttackKind.Rtt => [folds, learningRates, epochs, batchSize, form, rounding, keepLeaks, preset, jobs, output, events],
            AttackKind.RetainRelearning => [learningRates, epochs, batchSize, rounding, maximumExamples, preset, jobs, output, events],
            _ => [bits, groupSize],
        };
        return All.Except([attack, .. own]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } foreign
            ? throw new HybridException(ErrorKind.Config, $"{foreign.Name}: attack {KebabCase.Of(kind.ToString())} has no such setting")
            : kind;
    }

    /// <summary>The preset that was named.</summary>
    public string? PresetOf(ParseResult parsed) => parsed.GetValue(preset);

    /// <summary>Jobs side by side.</summary>
    public int JobsOf(ParseResult parsed) => parsed.GetValue(jobs) ?? 1;

    /// <summary>Where curves are kept, null for nowhere.</summary>
    public string? OutOf(ParseResult parsed) => parsed.GetValue(output);

    /// <summary>Where TensorBoard's events go, null for nowhere.</summary>
    public string? EventsOf(ParseResult parsed) => parsed.GetValue(events);

    /// <summary>The settings of RTT.</summary>
    /// <exception cref="HybridException">Config.</exception>
    public RelearningOptions Relearning(ParseResult parsed, RelearningOptions basis)
    {
        RelearningOptions result = basis with
        {
            Folds = parsed.GetValue(folds) is { Length: > 0 } chosen ? chosen : basis.Folds,
            LearningRates = RatesOf(parsed) ?? basis.LearningRates,
            Epochs = parsed.GetValue(epochs) ?? basis.Epochs,
            BatchSize = parsed.GetValue(batchSize) ?? basis.BatchSize,
            Form = parsed.GetValue(form) ?? basis.Form,
            Optimizer = basis.Optimizer with { Rounding = parsed.GetValue(rounding) ?? basis.Optimizer.Rounding },
            Leaks = parsed.GetValue(keepLeaks) ? LeakPolicy.Keep : basis.Leaks,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", result.Validate());
        return result;
    }

    /// <summary>The settings of training on retain text.</summary>
    /// <exception cref="HybridException">Config.</exception>
    public RetainRelearningOptions RetainRelearning(ParseResult parsed, RetainRelearningOptions basis)
    {
        RetainRelearningOptions result = basis with
        {
            LearningRates = RatesOf(parsed) ?? basis.LearningRates,
            Epochs = parsed.GetValue(epochs) ?? basis.Epochs,
            BatchSize = parsed.GetValue(batchSize) ?? basis.BatchSize,
            Optimizer = basis.Optimizer with { Rounding = parsed.GetValue(rounding) ?? basis.Optimizer.Rounding },
            MaximumExamples = parsed.GetValue(maximumExamples) ?? basis.MaximumExamples,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", result.Validate());
        return result;
    }

    /// <summary>The settings of quantization.</summary>
    /// <exception cref="HybridException">Config.</exception>
    public QuantizationOptions Quantization(ParseResult parsed)
    {
        QuantizationOptions result = new()
        {
            Bits = parsed.GetValue(bits) is { Length: > 0 } chosen ? [.. chosen.Distinct()] : QuantizationOptions.Standard.Bits,
            GroupSize = parsed.GetValue(groupSize) ?? QuantizationOptions.Standard.GroupSize,
        };
        HybridException.ThrowIfAny(ErrorKind.Config, "attack", result.Validate());
        return result;
    }

    private double[]? RatesOf(ParseResult parsed) => parsed.GetValue(learningRates) is { Length: > 0 } rates ? [.. rates.Distinct()] : null;
}
