namespace Hybrid.Interop;

/// <summary>
/// The fused, differentiable parts of a Llama. Sequences are packed: a batch is T rows, sequence b owning rows offsets[b] … offsets[b+1]−1.
/// Letters: D hidden, H heads, K key-value heads, E head dimension, F feed-forward, V vocabulary.
/// </summary>
public static unsafe class Transformer
{
    /// <summary>Rows of weight [V,D] for the ids: [T,D].</summary>
    /// <exception cref="NativeException">An id outside 0 … V−1 (<see cref="NativeStatus.OutOfRange"/>).</exception>
    public static Tensor Embedding(Tensor weight, ReadOnlySpan<long> ids)
    {
        hyb_tensor* result;
        using var table = new Borrowed(weight.Handle);
        fixed (long* list = ids)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_embedding(table.Tensor, list, ids.Length, &result));
        }

        return Tensor.Own(result);
    }

    /// <summary>
    /// x [T,I] times weight [O,I] transposed: [T,O]. Under a density accumulator, backward adds the weight's per-example gradient norms
    /// to <paramref name="layer"/> and makes no gradient for the weight.
    /// </summary>
    public static Tensor Linear(Tensor x, Tensor weight, DensityAccumulator? density = null, int layer = 0)
    {
        hyb_tensor* result;
        using var input = new Borrowed(x.Handle);
        using var matrix = new Borrowed(weight.Handle);
        using var accumulator = new Borrowed(density?.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_linear(input.Tensor, matrix.Tensor, accumulator.Density, layer, &result));
        return Tensor.Own(result);
    }

    /// <summary>x [T,D] divided by its root mean square over D (epsilon inside the root), times weight [D].</summary>
    public static Tensor RmsNorm(Tensor x, Tensor weight, double epsilon, DensityAccumulator? density = null, int layer = 0)
    {
        hyb_tensor* result;
        using var input = new Borrowed(x.Handle);
        using var scale = new Borrowed(weight.Handle);
        using var accumulator = new Borrowed(density?.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_rms_norm(input.Tensor, scale.Tensor, epsilon, accumulator.Density, layer, &result));
        return Tensor.Own(result);
    }

    /// <summary>
    /// Causal grouped-query attention within each sequence, rotary embedding inside. q [T,H·E], k and v [T,K·E]; inverseFrequency [E/2]:
    /// position p turns the pair (j, j+E/2) by p · inverseFrequency[j]. Result [T,H·E].
    /// </summary>
    public static Tensor Attention(Tensor q, Tensor k, Tensor v, ReadOnlySpan<long> offsets, int heads, int keyValueHeads, ReadOnlySpan<double> inverseFrequency)
    {
        hyb_tensor* result;
        using var query = new Borrowed(q.Handle);
        using var key = new Borrowed(k.Handle);
        using var value = new Borrowed(v.Handle);
        RequireFrequencies(q, heads, inverseFrequency);
        fixed (long* bounds = offsets)
        fixed (double* frequencies = inverseFrequency)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_attention(query.Tensor, key.Tensor, value.Tensor, bounds, offsets.Length - 1, heads, keyValueHeads, frequencies, &result));
        }

        return Tensor.Own(result);
    }

    /// <summary>
    /// The same for sequences that go on: sequence b has past[b] rows already, whose keys and values are rows 0 … past[b]−1 of keys[b] and
    /// values[b], both [B,capacity,K,E]. Those of its new rows are written behind them in place; each new row sees all rows before it.
    /// Records nothing. Result [T,H·E].
    /// </summary>
    /// <exception cref="NativeException">
    /// OutOfRange: a sequence is longer than the capacity. InvalidArgument: shapes, or a tensor requires gradients while they are recorded.
    /// The cache is as it was.
    /// </exception>
    public static Tensor CachedAttention(Tensor q, Tensor k, Tensor v, ReadOnlySpan<long> offsets, ReadOnlySpan<long> past, int heads, int keyValueHeads, ReadOnlySpan<double> inverseFrequency, Tensor keys, Tensor values)
    {
        hyb_tensor* result;
        using var query = new Borrowed(q.Handle);
        using var key = new Borrowed(k.Handle);
        using var value = new Borrowed(v.Handle);
        using var keyCache = new Borrowed(keys.Handle);
        using var valueCache = new Borrowed(values.Handle);
        RequireFrequencies(q, heads, inverseFrequency);
        if (past.Length != offsets.Length - 1)
        {
            throw new NativeException(NativeStatus.InvalidArgument, $"cached attention: {past.Length} pasts for {offsets.Length} offsets, one fewer is needed");
        }

        fixed (long* bounds = offsets, before = past)
        fixed (double* frequencies = inverseFrequency)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_cached_attention(
                query.Tensor, key.Tensor, value.Tensor, bounds, past.Length, before, heads, keyValueHeads, frequencies, keyCache.Tensor, valueCache.Tensor, &result));
        }

        return Tensor.Own(result);
    }

    /// <summary>silu(gate) · up, both [T,F].</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up)
    {
        hyb_tensor* result;
        using var left = new Borrowed(gate.Handle);
        using var right = new Borrowed(up.Handle);
        NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_swiglu(left.Tensor, right.Tensor, &result));
        return Tensor.Own(result);
    }

    /// <summary>
    /// Negative log-likelihood in nats of the targets under softmax(hidden · weightᵀ): hidden [N,D], weight [V,D]: [N]. Logits exist for
    /// <paramref name="chunkRows"/> rows at a time; where that is all of them, they are kept for backward, else computed again.
    /// </summary>
    public static Tensor TokenNll(Tensor hidden, Tensor weight, ReadOnlySpan<long> targets, int chunkRows)
    {
        hyb_tensor* result;
        using var states = new Borrowed(hidden.Handle);
        using var matrix = new Borrowed(weight.Handle);
        fixed (long* list = targets)
        {
            NativeException.ThrowIfFailed(NativeMethods.hyb_transformer_token_nll(states.Tensor, matrix.Tensor, list, targets.Length, chunkRows, &result));
        }

        return Tensor.Own(result);
    }

    /// <summary>The library reads E/2 of them and cannot know how many there are.</summary>
    private static void RequireFrequencies(Tensor q, int heads, ReadOnlySpan<double> inverseFrequency)
    {
        if (q.Shape is not [_, long width] || heads <= 0 || inverseFrequency.Length != width / heads / 2)
        {
            throw new NativeException(NativeStatus.InvalidArgument, $"attention: {inverseFrequency.Length} inverse frequencies for q [{string.Join(", ", q.Shape)}] and {heads} heads");
        }
    }
}
