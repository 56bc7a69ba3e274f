using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>One Llama decoder layer: attention and feed-forward, each normed before and added after.</summary>
internal sealed class DecoderLayer(LlamaConfig config, int index, IReadOnlyDictionary<string, Tensor> parameters)
{
    private readonly double[] inverseFrequency = RotaryEmbedding.InverseFrequencies(config);
    private readonly Tensor inputNorm = parameters[ParameterNames.Layer(index, "input_layernorm")];
    private readonly Tensor queries = parameters[ParameterNames.Layer(index, "self_attn.q_proj")];
    private readonly Tensor keys = parameters[ParameterNames.Layer(index, "self_attn.k_proj")];
    private readonly Tensor values = parameters[ParameterNames.Layer(index, "self_attn.v_proj")];
    private readonly Tensor output = parameters[ParameterNames.Layer(index, "self_attn.o_proj")];
    private readonly Tensor postNorm = parameters[ParameterNames.Layer(index, "post_attention_layernorm")];
    private readonly Tensor gate = parameters[ParameterNames.Layer(index, "mlp.gate_proj")];
    private readonly Tensor up = parameters[ParameterNames.Layer(index, "mlp.up_proj")];
    private readonly Tensor down = parameters[ParameterNames.Layer(index, "mlp.down_proj")];

    /// <summary>x [T,D] to [T,D].</summary>
    /// <param name="x">Hidden states.</param>
    /// <param name="offsets">Bounds of the sequences, [B+1].</param>
    /// <param name="probe">Collects the weights' per-example gradient norms in backward; null for none.</param>
    /// <param name="cache">Where the sequences go on from what is in it, which grows by these rows; null where they begin here.</param>
    public Tensor Forward(Tensor x, ReadOnlySpan<long> offsets, DensityProbe? probe, KeyValueCache? cache)
    {
        using TensorScope scope = TensorScope.Begin();
        DensityAccumulator? all = probe is { MlpOnly: false } ? probe.Accumulator : null, mlp = probe?.Accumulator;

        Tensor h = Transformer.RmsNorm(x, inputNorm, config.RmsNormEpsilon, all, index);                                // [T,D]
        Tensor q = Transformer.Linear(h, queries, all, index);                                                          // [T,H·E]
        Tensor k = Transformer.Linear(h, keys, all, index);                                                             // [T,K·E]
        Tensor v = Transformer.Linear(h, values, all, index);                                                           // [T,K·E]
        Tensor a = cache is null                                                                                        // [T,H·E]
            ? Transformer.Attention(q, k, v, offsets, config.Heads, config.KeyValueHeads, inverseFrequency)
            : Transformer.CachedAttention(q, k, v, offsets, cache.Lengths, config.Heads, config.KeyValueHeads, inverseFrequency, cache.Keys(index), cache.Values(index));
        x += Transformer.Linear(a, output, all, index);                                                                 // [T,D]

        h = Transformer.RmsNorm(x, postNorm, config.RmsNormEpsilon, all, index);                                        // [T,D]
        Tensor f = Transformer.SwiGlu(Transformer.Linear(h, gate, mlp, index), Transformer.Linear(h, up, mlp, index));  // [T,F]
        return scope.Keep(x + Transformer.Linear(f, down, mlp, index));                                                 // [T,D]
    }
}

/// <summary>Where a forward pass under density measurement collects.</summary>
/// <param name="Accumulator">The sums.</param>
/// <param name="MlpOnly">Whether only the MLP's three matrices count, or every parameter of a layer.</param>
internal sealed record DensityProbe(DensityAccumulator Accumulator, bool MlpOnly);
