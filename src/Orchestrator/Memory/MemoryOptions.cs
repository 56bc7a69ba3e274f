using Hybrid.Interop;

namespace Hybrid.Orchestrator.Memory;

/// <summary>Ways to take less memory that change no bit of a result, only how long it takes.</summary>
public sealed record MemoryOptions
{
    /// <summary>Compute a layer's inner activations again in backward instead of keeping them: a third more work.</summary>
    public required bool ActivationCheckpointing { get; init; }

    /// <summary>Keep a second model on the host: KUnBR's original, the model that an attack copies.</summary>
    public required bool SecondModelOnHost { get; init; }

    /// <summary>The combinations that make a difference for work on a device, the quickest first. On the host a second model lies there anyway.</summary>
    public static IEnumerable<MemoryOptions> ChoicesFor(Device device) => QuickestFirst.Where(options => device != Device.Cpu || !options.SecondModelOnHost);

    /// <summary>The combinations, the quickest first.</summary>
    public static IReadOnlyList<MemoryOptions> QuickestFirst { get; } =
    [
        new() { ActivationCheckpointing = false, SecondModelOnHost = false },
        new() { ActivationCheckpointing = false, SecondModelOnHost = true },
        new() { ActivationCheckpointing = true, SecondModelOnHost = false },
        new() { ActivationCheckpointing = true, SecondModelOnHost = true },
    ];
}
