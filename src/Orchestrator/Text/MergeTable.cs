namespace Hybrid.Orchestrator.Text;

/// <summary>The merges of a BPE model, and how they are applied: always the lowest rank first, the leftmost among equals.</summary>
internal sealed class MergeTable(int capacity)
{
    // Up to here a scan over the ranks beats a heap: almost every piece is a few bytes long.
    private const int LongestScanned = 64;
    private const int NoMerge = int.MaxValue;

    private readonly Dictionary<ulong, (int Rank, int Id)> merges = new(capacity);

    /// <summary>The number of merges.</summary>
    public int Count => merges.Count;

    /// <summary>Adds the next merge, whose rank is the count so far; false where the pair has one already.</summary>
    public bool TryAdd(int left, int right, int id) => merges.TryAdd(Key(left, right), (merges.Count, id));

    /// <summary>Merges in place and returns how many ids are left, at the front of <paramref name="ids"/>.</summary>
    public int Apply(Span<int> ids) => ids.Length <= LongestScanned ? ApplyByScan(ids) : ApplyByHeap(ids);

    /// <summary>Quadratic, and fastest on short pieces.</summary>
    internal int ApplyByScan(Span<int> ids)
    {
        int count = ids.Length;
        if (count < 2)
        {
            return count;
        }

        Span<int> ranks = count <= LongestScanned ? stackalloc int[LongestScanned] : new int[count];
        for (int i = 0; i + 1 < count; i++)
        {
            ranks[i] = Find(ids[i], ids[i + 1]).Rank;
        }

        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < ranks[best])
                {
                    best = i;
                }
            }

            if (ranks[best] == NoMerge)
            {
                break;
            }

            ids[best] = Find(ids[best], ids[best + 1]).Id;
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            count--;
            if (best + 1 < count)
            {
                ranks[(best + 1)..count].CopyTo(ranks[best..]);
                ranks[best] = Find(ids[best], ids[best + 1]).Rank;
            }

            if (best > 0)
            {
                ranks[best - 1] = Find(ids[best - 1], ids[best]).Rank;
            }
        }

        return count;
    }

    /// <summary>Order n log n, so that a long run of one character cannot stall the encoder.</summary>
    internal int ApplyByHeap(Span<int> ids)
    {
        // A linked list over positions; a merged-away position has id -1. An entry whose ids have changed since is stale.
        int[] symbols = ids.ToArray();
        int[] next = [.. Enumerable.Range(1, symbols.Length)];
        int[] previous = [.. Enumerable.Range(-1, symbols.Length)];
        PriorityQueue<(int Position, int Left, int Right, int Id), long> queue = new();

        void Offer(int position)
        {
            if (position < 0 || next[position] >= symbols.Length)
            {
                return;
            }

            (int left, int right) = (symbols[position], symbols[next[position]]);
            (int rank, int id) = Find(left, right);
            if (rank != NoMerge)
            {
                queue.Enqueue((position, left, right, id), ((long)rank << 32) | (uint)position);
            }
        }

        for (int i = 0; i < symbols.Length; i++)
        {
            Offer(i);
        }

        while (queue.TryDequeue(out (int Position, int Left, int Right, int Id) merge, out _))
        {
            int gone = next[merge.Position];
            if (symbols[merge.Position] != merge.Left || gone >= symbols.Length || symbols[gone] != merge.Right)
            {
                continue;
            }

            symbols[merge.Position] = merge.Id;
            symbols[gone] = -1;
            next[merge.Position] = next[gone];
            if (next[gone] < symbols.Length)
            {
                previous[next[gone]] = merge.Position;
            }

            Offer(previous[merge.Position]);
            Offer(merge.Position);
        }

        int count = 0;
        for (int i = 0; i < symbols.Length; i = next[i])
        {
            ids[count++] = symbols[i];
        }

        return count;
    }

    // Multiplying by an odd number is one-to-one, and spreads what would otherwise hash as left ^ right.
    private static ulong Key(int left, int right) => unchecked((((ulong)(uint)left << 32) | (uint)right) * 0x9E3779B97F4A7C15UL);

    private (int Rank, int Id) Find(int left, int right) =>
        merges.TryGetValue(Key(left, right), out (int Rank, int Id) merge) ? merge : (NoMerge, -1);
}
