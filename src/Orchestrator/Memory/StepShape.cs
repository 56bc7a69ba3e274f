namespace Hybrid.Orchestrator.Memory;

/// <summary>What of a decoder layer backward makes gradients for.</summary>
internal enum LayerPart
{
    /// <summary>Nothing: gradients only pass through.</summary>
    None,

    /// <summary>Every example's norms of all parameters; none of a parameter's size.</summary>
    Density,

    /// <summary>The feed-forward's output matrix: what RMU trains.</summary>
    FeedForwardOutput,

    /// <summary>All parameters.</summary>
    All,
}

/// <summary>What one forward and backward pass goes through.</summary>
internal sealed record StepShape
{
    /// <summary>The batch.</summary>
    public required BatchShape Batch { get; init; }

    /// <summary>Tokens of the retain examples among them; asked for where the loss is of hidden states.</summary>
    public long RetainTokens { get; init; }

    /// <summary>The lowest layer that gradients reach.</summary>
    public required int FirstLayer { get; init; }

    /// <summary>The layer after the highest one that is computed.</summary>
    public required int EndLayer { get; init; }

    /// <summary>What gradients are made for, in layers below <see cref="TrainedEnd"/>.</summary>
    public required LayerPart Part { get; init; }

    /// <summary>The layer after the highest one that gradients are made for.</summary>
    public required int TrainedEnd { get; init; }

    /// <summary>Whether the loss is of tokens, so that there are a final norm and logits.</summary>
    public required bool HasHead { get; init; }

    /// <summary>Whether embedding, final norm and output matrix are trained.</summary>
    public required bool TrainsOutside { get; init; }

    /// <summary>What gradients are made for in a layer.</summary>
    public LayerPart PartOf(int layer) => layer < TrainedEnd ? Part : LayerPart.None;

    /// <summary>All parameters of a model, by a loss of tokens.</summary>
    public static StepShape Whole(int layers, BatchShape batch) => new()
    {
        Batch = batch, FirstLayer = 0, EndLayer = layers, Part = LayerPart.All, TrainedEnd = layers, HasHead = true, TrainsOutside = true,
    };

    /// <summary>A block of layers, by a loss of tokens.</summary>
    public static StepShape Block(int first, int end, int layers, BatchShape batch) => new()
    {
        Batch = batch, FirstLayer = first, EndLayer = layers, Part = LayerPart.All, TrainedEnd = end, HasHead = true, TrainsOutside = false,
    };

    /// <summary>Density of all layers.</summary>
    public static StepShape Density(int layers, BatchShape batch) => new()
    {
        Batch = batch, FirstLayer = 0, EndLayer = layers, Part = LayerPart.Density, TrainedEnd = layers, HasHead = true, TrainsOutside = false,
    };

    /// <summary>Feed-forward output matrices of layers, by a loss on the hidden states after them.</summary>
    public static StepShape Steering(int first, int end, BatchShape batch, long retainTokens) => new()
    {
        Batch = batch, RetainTokens = retainTokens, FirstLayer = first, EndLayer = end, Part = LayerPart.FeedForwardOutput, TrainedEnd = end, HasHead = false, TrainsOutside = false,
    };
}
