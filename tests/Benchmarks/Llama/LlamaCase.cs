using System.Text.Json.Nodes;

namespace Hybrid.Benchmarks.Llama;

/// <summary>A piece of work that both sides do.</summary>
internal sealed record LlamaCase
{
    /// <summary>What tables call it.</summary>
    public required string Name { get; init; }

    /// <summary>Layers of the model that does it.</summary>
    public required int Layers { get; init; }

    /// <summary>What is asked of our side.</summary>
    public required JsonObject Ours { get; init; }

    /// <summary>What is asked of the peer, in each way worth trying; the fastest of them is the one that the goal is about.</summary>
    public required IReadOnlyList<LlamaVariant> Theirs { get; init; }

    /// <summary>Bytes of tensors that ours takes by the planner; null for what it does not plan.</summary>
    public required long? PlannedBytes { get; init; }

    /// <summary>Bytes that both sides together take; where they are too many, the sides take turns as processes.</summary>
    public required long BytesTogether { get; init; }

    /// <summary>Seconds below which the device cannot do it.</summary>
    public required double Bound { get; init; }

    /// <summary>How many times faster ours shall be; null for no goal.</summary>
    public required double? Goal { get; init; }

    /// <summary>What is counted for a rate, and how many of it the work does.</summary>
    public required (string Unit, double Count) Amount { get; init; }

    /// <summary>How what both sides compute is compared.</summary>
    public required Difference Difference { get; init; }

    /// <summary>The largest difference of the first run, on equal weights, that is no failure; null where it is told and no more.</summary>
    public required double? Tolerance { get; init; }

    /// <summary>The same of the runs after it.</summary>
    public required double? LaterTolerance { get; init; }
}

/// <summary>A way of doing the work in PyTorch.</summary>
/// <param name="Label">For the table.</param>
/// <param name="Request">What is asked.</param>
/// <param name="Compiled">Whether it needs torch.compile.</param>
internal sealed record LlamaVariant(string Label, JsonObject Request, bool Compiled);
