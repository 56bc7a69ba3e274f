using static System.FormattableString;

namespace Hybrid.Orchestrator.Model;

/// <summary>The architecture of a Llama, as <c>config.json</c> states it. <see cref="LlamaConfigJson"/> reads and writes it.</summary>
public sealed record LlamaConfig
{
    /// <summary>Width of the residual stream, D.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward layer, F.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers, L.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads, H.</summary>
    public required int Heads { get; init; }

    /// <summary>Key-value heads, K; divides H.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of one head, E; even. D / H where config.json does not say.</summary>
    public required int HeadDimension { get; init; }

    /// <summary>Tokens in the vocabulary, V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Added to the mean square inside RMSNorm's root.</summary>
    public required double RmsNormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>Llama 3.1's scaling of the rotary frequencies, or none.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Longest context the model was made for, in tokens.</summary>
    public required int MaximumPositions { get; init; }

    /// <summary>Whether the output matrix is the embedding.</summary>
    public required bool TiedEmbeddings { get; init; }

    /// <summary>Number of parameters, a tied matrix counted once.</summary>
    public long ParameterCount
    {
        get
        {
            long d = HiddenSize, f = IntermediateSize, q = (long)Heads * HeadDimension, kv = (long)KeyValueHeads * HeadDimension;
            long layer = (2 * d) + (2 * d * q) + (2 * d * kv) + (3 * d * f);
            return (Layers * layer) + d + (VocabularySize * d * (TiedEmbeddings ? 1 : 2));
        }
    }

    /// <summary>Everything about the numbers that has no meaning, one line each; empty when all is well.</summary>
    public IEnumerable<string> Validate()
    {
        (string Name, int Value)[] sizes =
        [
            ("hidden_size", HiddenSize), ("intermediate_size", IntermediateSize), ("num_hidden_layers", Layers), ("num_attention_heads", Heads),
            ("num_key_value_heads", KeyValueHeads), ("head_dim", HeadDimension), ("vocab_size", VocabularySize), ("max_position_embeddings", MaximumPositions),
        ];
        foreach ((string name, int value) in sizes.Where(size => size.Value < 1))
        {
            yield return Invariant($"{name} is {value}, at least 1 is needed");
        }

        if (KeyValueHeads > 0 && Heads % KeyValueHeads != 0)
        {
            yield return Invariant($"num_attention_heads {Heads} is no multiple of num_key_value_heads {KeyValueHeads}");
        }

        if (HeadDimension % 2 != 0)
        {
            yield return Invariant($"head_dim {HeadDimension} is odd, rotary embedding needs pairs");
        }

        if (!IsPositive(RmsNormEpsilon) || !IsPositive(RopeTheta))
        {
            yield return Invariant($"rms_norm_eps {RmsNormEpsilon} and rope_theta {RopeTheta} must be positive and finite");
        }

        if (RopeScaling is { } scaling && !(IsPositive(scaling.Factor) && IsPositive(scaling.LowFrequencyFactor) && double.IsFinite(scaling.HighFrequencyFactor) && scaling.HighFrequencyFactor > scaling.LowFrequencyFactor && scaling.OriginalContext > 0))
        {
            yield return Invariant($"rope_scaling needs a positive and finite factor, low_freq_factor and original_max_position_embeddings, and a high_freq_factor above the low one; found {scaling.Factor}, {scaling.LowFrequencyFactor}, {scaling.OriginalContext} and {scaling.HighFrequencyFactor}");
        }
    }

    // A JSON number beyond a double's range is read as infinity.
    private static bool IsPositive(double value) => value > 0 && double.IsFinite(value);
}
