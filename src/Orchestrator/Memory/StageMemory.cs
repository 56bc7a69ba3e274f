using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Memory;

/// <summary>What one stage of a piece of work takes at its fullest moment.</summary>
/// <param name="Stage">Its name, for people.</param>
/// <param name="Device">Bytes of tensors on the device.</param>
/// <param name="Host">Bytes of tensors on the host; empty where the work is done there.</param>
public sealed record StageMemory(string Stage, MemoryUse Device, MemoryUse Host)
{
    /// <summary>So many of these side by side, which share the second model.</summary>
    internal StageMemory SideBySide(int count) => this with { Device = Times(Device, count), Host = Times(Host, count) };

    private static MemoryUse Times(MemoryUse use, int count)
    {
        MemoryUse result = use.Copy();
        foreach (MemoryKind kind in Enum.GetValues<MemoryKind>().Where(kind => kind != MemoryKind.SecondModel))
        {
            result[kind] *= count;
        }

        return result;
    }
}

/// <summary>What a piece of work takes, stage by stage.</summary>
/// <param name="Options">The ways of saving that are in it.</param>
/// <param name="Stages">The stages, in order.</param>
internal sealed record MemoryPlan(MemoryOptions Options, IReadOnlyList<StageMemory> Stages)
{
    /// <summary>The stage that takes most of the device.</summary>
    public StageMemory Fullest => Stages.MaxBy(stage => stage.Device.Total)!;

    /// <summary>Loads a model's weights to where the plan wants them, ready to work as it says; the caller owns the model.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="type">Element type of its weights.</param>
    /// <param name="device">Where the work is done.</param>
    /// <param name="isSecond">Whether this is the plan's second model, the one that copies are made of, which may lie on the host.</param>
    /// <exception cref="HybridException">As for <see cref="ModelFolder.LoadModel"/>.</exception>
    public LlamaModel Load(string folder, ElementType type, Device device, bool isSecond)
    {
        LlamaModel model = ModelFolder.LoadModel(folder, type, isSecond && Options.SecondModelOnHost ? Device.Cpu : device);
        model.ActivationCheckpointing = Options.ActivationCheckpointing;
        return model;
    }

    /// <summary>Bytes of the host that the fullest stage there takes.</summary>
    public long HostBytes => Stages.Max(stage => stage.Host.Total);
}
