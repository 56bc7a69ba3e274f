using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>One recorded way through consecutive decoder layers. Owns what it keeps.</summary>
/// <param name="input">What entered the first layer, with its history, [T,D].</param>
/// <param name="batch">The sequences.</param>
/// <param name="probe">Where backward collects density; null for none.</param>
internal sealed class LayerRun(Tensor input, PackedBatch batch, DensityProbe? probe) : IDisposable
{
    /// <summary>What entered, with its history.</summary>
    public Tensor Input { get; } = input;

    /// <summary>The sequences.</summary>
    public PackedBatch Batch { get; } = batch;

    /// <summary>Where backward collects density.</summary>
    public DensityProbe? Probe { get; } = probe;

    /// <summary>The layers that gradients pass through, in the order of computation.</summary>
    public List<LayerSegment> Segments { get; } = [];

    /// <summary>What came out: a leaf, [T,D].</summary>
    public Tensor? Top { get; set; }

    /// <summary>The loss's gradient with respect to <see cref="Top"/>, as far as it is known; belongs to the backward pass.</summary>
    public Tensor? Gradient { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        Top?.Dispose();
        foreach (LayerSegment segment in Segments)
        {
            segment.Dispose();
        }
    }
}

/// <summary>One layer of a run. Owns what it keeps.</summary>
/// <param name="layer">The layer.</param>
/// <param name="input">What entered it: a leaf, [T,D].</param>
internal sealed class LayerSegment(int layer, Tensor input) : IDisposable
{
    /// <summary>The layer.</summary>
    public int Layer { get; } = layer;

    /// <summary>What entered it: a leaf.</summary>
    public Tensor Input { get; } = input;

    /// <summary>What came out, with the layer's graph; null where it is to be computed again.</summary>
    public Tensor? Output { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        Output?.Dispose();
    }
}
