using Hybrid.Interop;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// Keys, turned to their positions, and values of B sequences that a model has read, each layer's as [B,capacity,K,E].
/// <see cref="LlamaModel.Continue"/> appends to it. The capacity doubles as sequences grow, up to the model's positions. Owns its tensors.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private const int LeastCapacity = 16;

    private readonly LlamaConfig config;
    private readonly ElementType type;
    private readonly Device device;
    private readonly Tensor[] keys;
    private readonly Tensor[] values;
    private long[] lengths;

    /// <summary>A cache of so many sequences, all empty, in the model's element type and on its device.</summary>
    public KeyValueCache(LlamaModel model, int sequences)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        config = model.Config;
        type = model.Head.ElementType;
        device = model.Device;
        lengths = new long[sequences];
        using TensorScope outside = TensorScope.Outside();
        keys = [.. Enumerable.Range(0, config.Layers).Select(_ => Empty())];
        values = [.. Enumerable.Range(0, config.Layers).Select(_ => Empty())];
    }

    private KeyValueCache(KeyValueCache source, ReadOnlySpan<int> sequences)
    {
        (config, type, device, Capacity) = (source.config, source.type, source.device, source.Capacity);
        long[] rows = RowsOf(source, sequences);
        lengths = [.. rows.Select(row => source.lengths[row])];
        using TensorScope outside = TensorScope.Outside();
        keys = [.. source.keys.Select(tensor => tensor.Select(0, rows))];
        values = [.. source.values.Select(tensor => tensor.Select(0, rows))];
    }

    /// <summary>Sequences, B.</summary>
    public int Count => lengths.Length;

    /// <summary>Tokens that fit into each sequence before the tensors grow.</summary>
    public long Capacity { get; private set; }

    /// <summary>Tokens of each sequence, [B].</summary>
    public ReadOnlySpan<long> Lengths => lengths;

    /// <summary>A new cache of the named sequences in that order; one may stand several times, as where many prompts begin alike.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No sequence is named, or one that is not there.</exception>
    public KeyValueCache Take(params ReadOnlySpan<int> sequences) => new(this, sequences);

    /// <summary>Keeps the named sequences only, in that order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No sequence is named, or one that is not there.</exception>
    public void Keep(params ReadOnlySpan<int> sequences)
    {
        long[] rows = RowsOf(this, sequences);
        Replace(tensor => tensor.Select(0, rows));
        lengths = [.. rows.Select(row => lengths[row])];
    }

    /// <summary>Keeps no more than so many tokens of each sequence, the first ones; the capacity stays.</summary>
    public void Truncate(long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        lengths = [.. lengths.Select(length => Math.Min(length, tokens))];
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in keys.Concat(values))
        {
            tensor.Dispose();
        }
    }

    /// <summary>Keys of a layer, [B,capacity,K,E].</summary>
    internal Tensor Keys(int layer) => keys[layer];

    /// <summary>Values of a layer, [B,capacity,K,E].</summary>
    internal Tensor Values(int layer) => values[layer];

    /// <summary>Makes room for new rows with the given bounds, [B+1].</summary>
    /// <exception cref="ArgumentException">Not as many sequences as the cache has.</exception>
    /// <exception cref="HybridException">Config: more tokens than the model has positions.</exception>
    internal void Reserve(ReadOnlySpan<long> offsets)
    {
        if (offsets.Length != Count + 1)
        {
            throw new ArgumentException($"{offsets.Length - 1} sequences for a cache of {Count}", nameof(offsets));
        }

        long longest = 0;
        for (int b = 0; b < Count; b++)
        {
            longest = Math.Max(longest, lengths[b] + offsets[b + 1] - offsets[b]);
        }

        if (longest > config.MaximumPositions)
        {
            throw new HybridException(ErrorKind.Config, $"a text of {longest} tokens is longer than the model's {config.MaximumPositions} positions");
        }

        if (longest > Capacity)
        {
            long old = Capacity;
            Capacity = Math.Min(config.MaximumPositions, Math.Max(longest, Math.Max(LeastCapacity, 2 * old)));
            Replace(tensor =>
            {
                Tensor larger = Empty();
                if (old > 0)
                {
                    using Tensor part = larger.Narrow(1, 0, old);
                    part.CopyFrom(tensor);
                }

                return larger;
            });
        }
    }

    /// <summary>Counts the new rows once every layer has them.</summary>
    internal void Advance(ReadOnlySpan<long> offsets)
    {
        for (int b = 0; b < Count; b++)
        {
            lengths[b] += offsets[b + 1] - offsets[b];
        }
    }

    private static long[] RowsOf(KeyValueCache cache, ReadOnlySpan<int> sequences)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sequences.Length, nameof(sequences));
        long[] rows = new long[sequences.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(sequences[i], nameof(sequences));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequences[i], cache.Count, nameof(sequences));
            rows[i] = sequences[i];
        }

        return rows;
    }

    private Tensor Empty() => Tensor.Zeros([Count, Capacity, config.KeyValueHeads, config.HeadDimension], type, device);

    /// <summary>Replaces every tensor, one at a time, so that the old ones and the new ones are never all there at once.</summary>
    private void Replace(Func<Tensor, Tensor> change)
    {
        using TensorScope outside = TensorScope.Outside();
        using GradMode off = GradMode.Off();
        foreach (Tensor[] tensors in new[] { keys, values })
        {
            for (int layer = 0; layer < tensors.Length; layer++)
            {
                Tensor old = tensors[layer];
                tensors[layer] = change(old);
                old.Dispose();
            }
        }
    }
}
