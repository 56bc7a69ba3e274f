namespace Hybrid.Orchestrator.Training;

/// <summary>Orders examples: shuffled passes over a set, and an endless cyclic order over another.</summary>
internal static class BatchSampler
{
    /// <summary>One pass over <paramref name="count"/> examples in a random order, in batches of which the last may be smaller.</summary>
    public static IEnumerable<int[]> Epoch(int count, int batchSize, SeededRandom random)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        random.Shuffle(order);
        return order.Chunk(batchSize);
    }

    /// <summary>Optimizer steps of one pass.</summary>
    public static int StepsPerEpoch(int count, int batchSize) => (count + batchSize - 1) / batchSize;
}

/// <summary>
/// Examples in a cyclic order that is shuffled once: every example is used equally often, however the draws are cut, as long as none asks for
/// more than there are. A draw depends on how much was drawn before, not on an earlier call.
/// </summary>
internal sealed class CyclicOrder
{
    private readonly int[] order;

    /// <summary>Over <paramref name="count"/> examples.</summary>
    public CyclicOrder(int count, SeededRandom random)
    {
        order = [.. Enumerable.Range(0, count)];
        random.Shuffle(order);
    }

    /// <summary>The <paramref name="size"/> examples that follow the first <paramref name="drawn"/>; fewer only where there are fewer in all.</summary>
    public int[] Take(int drawn, int size) => [.. Enumerable.Range(0, Math.Min(size, order.Length)).Select(i => order[(drawn + i) % order.Length])];
}
