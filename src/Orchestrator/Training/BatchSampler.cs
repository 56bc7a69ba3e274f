namespace Hybrid.Orchestrator.Training;

/// <summary>Orders examples: shuffled passes over a set, and an endless cyclic order over another.</summary>
public static class BatchSampler
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

/// <summary>Takes examples in a cyclic order that is shuffled once: every example is used equally often, however the draws are cut.</summary>
public sealed class CyclicSampler
{
    private readonly int[] order;
    private int next;

    /// <summary>Over <paramref name="count"/> examples.</summary>
    public CyclicSampler(int count, SeededRandom random)
    {
        order = [.. Enumerable.Range(0, count)];
        random.Shuffle(order);
    }

    /// <summary>The next <paramref name="size"/> examples; fewer only where there are fewer in all.</summary>
    public int[] Take(int size)
    {
        int[] taken = new int[Math.Min(size, order.Length)];
        for (int i = 0; i < taken.Length; i++)
        {
            taken[i] = order[next];
            next = (next + 1) % order.Length;
        }

        return taken;
    }
}
