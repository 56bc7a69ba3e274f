using System.Globalization;
using Hybrid.Interop;

namespace Hybrid.Orchestrator.Memory;

/// <summary>Memory that is there to be used.</summary>
/// <param name="Device">Bytes of the device.</param>
/// <param name="Host">Bytes of the host.</param>
internal readonly record struct AvailableMemory(long Device, long Host)
{
    /// <summary>What a device and the host have free now.</summary>
    public static AvailableMemory Of(Device device) => new(Runtime.Memory(device).Free, Runtime.Memory(Interop.Device.Cpu).Free);
}

/// <summary>Chooses the quickest way of working that fits into memory, or says that none does.</summary>
internal static class MemoryFit
{
    /// <summary>What a process takes beside tensors, and what allocators lose between them, as a share of the tensors.</summary>
    private const double Surplus = 0.05;

    /// <summary>Whether a plan fits.</summary>
    public static bool Fits(MemoryPlan plan, AvailableMemory available) =>
        plan.Fullest.Device.Total * (1 + Surplus) <= available.Device && plan.HostBytes * (1 + Surplus) <= available.Host;

    /// <summary>The plan of the quickest way that fits; where none does, the one that takes the least of the device.</summary>
    /// <param name="stages">The stages, given the ways of saving memory.</param>
    /// <param name="choices">Ways to choose from, the quickest first.</param>
    /// <param name="available">What is there.</param>
    public static MemoryPlan Choose(Func<MemoryOptions, IReadOnlyList<StageMemory>> stages, IReadOnlyList<MemoryOptions> choices, AvailableMemory available)
    {
        MemoryPlan[] plans = [.. choices.Select(options => new MemoryPlan(options, stages(options)))];
        return plans.FirstOrDefault(plan => Fits(plan, available)) ?? plans.MinBy(plan => plan.Fullest.Device.Total)!;
    }

    /// <summary>Makes sure that a plan fits.</summary>
    /// <exception cref="HybridException">Memory: it does not; the message says which stage takes how much, and what would help.</exception>
    public static void Require(MemoryPlan plan, AvailableMemory available, Device device)
    {
        if (Fits(plan, available))
        {
            return;
        }

        bool host = plan.Fullest.Device.Total * (1 + Surplus) <= available.Device;
        StageMemory stage = host ? plan.Stages.MaxBy(candidate => candidate.Host.Total)! : plan.Fullest;
        (long needed, long there, string where) = host ? (stage.Host.Total, available.Host, "the host") : (stage.Device.Total, available.Device, device.ToString());
        throw new HybridException(
            ErrorKind.Memory,
            $"stage '{stage.Stage}' takes {Gigabytes(needed)} of {where} and {Surplus:P0} beside that, {Gigabytes(there)} are free; {string.Join(", ", Advice(plan, stage, host))} would take less");
    }

    private static IEnumerable<string> Advice(MemoryPlan plan, StageMemory stage, bool host)
    {
        yield return "a smaller batch size, fewer tokens an example";
        if (!host && !plan.Options.ActivationCheckpointing)
        {
            yield return "activation checkpointing";
        }

        if (!host && !plan.Options.SecondModelOnHost && stage.Device[MemoryKind.SecondModel] > 0)
        {
            yield return "the second model on the host";
        }

        if (stage.Device[MemoryKind.OptimizerState] > stage.Device[MemoryKind.Weights])
        {
            yield return "stochastic rounding of bfloat16 weights"; // more state than weights: master copies, or AdamW
        }

        yield return "another element type";
    }

    /// <summary>Bytes as people read them: 10⁹ are a GB.</summary>
    public static string Gigabytes(long bytes) => bytes < 1_000_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB");
}
