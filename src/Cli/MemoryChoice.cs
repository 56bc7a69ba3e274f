using System.CommandLine;
using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>Whether something is done.</summary>
internal enum When
{
    /// <summary>Where it is needed for the work to fit into memory.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>What is planned for.</summary>
/// <param name="Name">The model's folder or file.</param>
/// <param name="Shape">Its architecture.</param>
/// <param name="Type">Element type of its weights.</param>
/// <param name="Device">Where it is to compute.</param>
internal readonly record struct Workload(string Name, LlamaConfig Shape, ElementType Type, Device Device);

/// <summary>The options about memory: what a command will take, and ways of taking less.</summary>
/// <param name="secondModel">Whether the command may have a second model.</param>
internal sealed class MemoryChoice(bool secondModel)
{
    private readonly Option<bool> plan = OptionKinds.Switch("--plan", "Show what each stage takes of memory and whether it fits, and stop. No weights are read; config.json, tokenizer and data are enough.");
    private readonly Option<long?> deviceMemory = OptionKinds.Bytes("--device-memory", "With --plan: plan for a device that has so much free, such as 24GB, which need not be here.");
    private readonly Option<When?> checkpointing = OptionKinds.Choice<When>(
        "--activation-checkpointing", "Compute a layer's activations again in backward instead of keeping them: less memory, a third more work, the same bits. Default: auto, where it is needed.");

    private readonly Option<When?> secondOnHost = OptionKinds.Choice<When>(
        "--second-model-on-host", "Keep the second model (kunbr's original, the one that an attack copies) in the host's memory: the same bits. Default: auto, where it is needed.");

    /// <summary>The options, in the order in which help shows them.</summary>
    public Option[] All => [plan, deviceMemory, checkpointing, .. secondModel ? [secondOnHost] : Array.Empty<Option>()];

    /// <summary>Whether only the plan is wanted.</summary>
    public bool OnlyPlan(ParseResult parsed) => parsed.GetValue(plan);

    /// <summary>
    /// The quickest way of working that fits. Where only the plan is wanted it is shown, and null comes back.
    /// </summary>
    /// <param name="parsed">The options.</param>
    /// <param name="context">Where the plan is shown.</param>
    /// <param name="input">What is worked on.</param>
    /// <param name="stages">What the stages take, given a planner.</param>
    /// <param name="json">Where JSON goes.</param>
    /// <exception cref="HybridException">Memory: no way fits. Config: --device-memory without --plan.</exception>
    public MemoryPlan? Resolve(ParseResult parsed, CommandContext context, Workload input, Func<MemoryPlanner, IReadOnlyList<StageMemory>> stages, string? json)
    {
        long? assumed = parsed.GetValue(deviceMemory);
        if (assumed is not null && !OnlyPlan(parsed))
        {
            throw new HybridException(ErrorKind.Config, "--device-memory: belongs to --plan; what is there is known otherwise");
        }

        if (assumed is null && input.Device.Code >= Runtime.CudaDevices)
        {
            throw new NativeException(NativeStatus.Device, $"--device {input.Device}: is not here, so what it has free is not known; --device-memory says how much to plan for");
        }

        AvailableMemory available = assumed is { } bytes ? new AvailableMemory(bytes, long.MaxValue) : AvailableMemory.Of(input.Device);
        When? second = secondModel ? parsed.GetValue(secondOnHost) : When.Off;
        MemoryOptions[] choices =
        [
            .. (second == When.On ? MemoryOptions.QuickestFirst : MemoryOptions.ChoicesFor(input.Device)).Where(options =>
                Allows(parsed.GetValue(checkpointing), options.ActivationCheckpointing) && Allows(second, options.SecondModelOnHost)),
        ];
        MemoryPlan chosen = MemoryFit.Choose(options => stages(new MemoryPlanner(input.Shape, input.Type, input.Device, options)), choices, available);
        if (!OnlyPlan(parsed))
        {
            MemoryFit.Require(chosen, available, input.Device);
            return chosen;
        }

        JsonOutput.Write(context, json, new { model = input.Name, device = input.Device.ToString(), fits = MemoryFit.Fits(chosen, available), availableOnDevice = available.Device, plan = JsonOf(chosen) });
        if (json != JsonOutput.StandardOutput)
        {
            context.Output.Write(TableOf(chosen));
            context.WriteLine(Summary(chosen, available, input.Device));
        }

        MemoryFit.Require(chosen, available, input.Device);
        return null;
    }

    /// <summary>The plan, and what was really taken, for JSON.</summary>
    public static object JsonOf(MemoryPlan plan, MemoryMeter meter, Device device) => new { plan = JsonOf(plan), planned = plan.Fullest.Device.Total, measured = meter.Peak(device) };

    /// <summary>The plan and what was really taken, in a line.</summary>
    public static string LineOf(MemoryPlan plan, MemoryMeter meter, Device device)
    {
        string[] savings = [.. Savings(plan)];
        string how = savings.Length == 0 ? string.Empty : $", with {string.Join(" and ", savings)}";
        return $"memory of tensors at the fullest: {MemoryFit.Gigabytes(meter.Peak(device))}, planned {MemoryFit.Gigabytes(plan.Fullest.Device.Total)} (stage {plan.Fullest.Stage}){how}";
    }

    private static bool Allows(When? wanted, bool isOn) => wanted switch { When.On => isOn, When.Off => !isOn, _ => true };

    private static object JsonOf(MemoryPlan plan) => new
    {
        plan.Options.ActivationCheckpointing,
        plan.Options.SecondModelOnHost,
        stages = plan.Stages.Select(stage => new { stage.Stage, device = BytesOf(stage.Device), host = BytesOf(stage.Host) }),
    };

    private static Dictionary<string, long> BytesOf(MemoryUse use) =>
        Enum.GetValues<MemoryKind>().ToDictionary(kind => char.ToLowerInvariant(kind.ToString()[0]) + kind.ToString()[1..], kind => use[kind]).Append(new("total", use.Total)).ToDictionary();

    private static Table TableOf(MemoryPlan plan)
    {
        MemoryKind[] kinds = [.. Enum.GetValues<MemoryKind>().Where(kind => plan.Stages.Any(stage => stage.Device[kind] > 0))];
        bool host = plan.HostBytes > 0;
        Table table = Tables.New(["stage", .. kinds.Select(kind => ">" + NameOf(kind)), ">together", .. host ? [">on the host"] : Array.Empty<string>()]);
        foreach (StageMemory stage in plan.Stages)
        {
            string[] row = [stage.Stage, .. kinds.Select(kind => Cell(stage.Device[kind])), Cell(stage.Device.Total), .. host ? [Cell(stage.Host.Total)] : Array.Empty<string>()];
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        return table;
    }

    private static string Cell(long bytes) => bytes == 0 ? "–" : MemoryFit.Gigabytes(bytes);

    private static string NameOf(MemoryKind kind) => kind switch
    {
        MemoryKind.SecondModel => "second model",
        MemoryKind.OptimizerState => "optimizer",
        MemoryKind.KeptPrefix => "kept prefix",
        MemoryKind.LastGood => "last good copy",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Summary(MemoryPlan plan, AvailableMemory available, Device device)
    {
        string[] savings = [.. Savings(plan)];
        string how = savings.Length == 0 ? "without saving measures" : "with " + string.Join(" and ", savings);
        string verdict = MemoryFit.Fits(plan, available) ? "fits" : "does not fit";
        return string.Create(CultureInfo.InvariantCulture, $"{device} has {MemoryFit.Gigabytes(available.Device)} free: it {verdict}, {how}. Bytes of tensors; the process itself takes a little more.");
    }

    private static IEnumerable<string> Savings(MemoryPlan plan)
    {
        if (plan.Options.ActivationCheckpointing)
        {
            yield return "activation checkpointing";
        }

        if (plan.Options.SecondModelOnHost && plan.Stages.Any(stage => stage.Device[MemoryKind.SecondModel] + stage.Host[MemoryKind.SecondModel] > 0))
        {
            yield return "the second model on the host";
        }
    }
}
