namespace Hybrid.Orchestrator.Text;

/// <summary>
/// How often each pair of neighbouring ids occurs in a set of weighted words, kept up to date as pairs are merged: a merge
/// touches only the words that hold its pair.
/// </summary>
internal sealed class PairCounts
{
    private readonly List<(List<int> Ids, long Weight)> words = [];
    private readonly Dictionary<(int Left, int Right), long> counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> wordsWith = [];

    // Highest count first, then the smaller left id, then the smaller right id. An entry whose count has changed since is stale.
    private readonly PriorityQueue<(int Left, int Right, long Count), (long NegativeCount, int Left, int Right)> queue = new();

    /// <param name="weightedWords">Words as ids, and how often each occurs. The order does not matter.</param>
    public PairCounts(IEnumerable<(List<int> Ids, long Weight)> weightedWords)
    {
        foreach ((List<int> ids, long weight) in weightedWords)
        {
            words.Add((ids, weight));
            Count(words.Count - 1, sign: +1, changed: null);
        }

        foreach ((int Left, int Right) pair in counts.Keys)
        {
            Offer(pair);
        }
    }

    /// <summary>
    /// Takes the pair that occurs most, or null where none occurs <paramref name="least"/> times. Overlapping occurrences
    /// count: <c>aaa</c> holds the pair <c>aa</c> twice. A pair that is taken and not merged does not come again unless its
    /// count changes.
    /// </summary>
    public (int Left, int Right)? TakeMostFrequent(long least)
    {
        while (queue.TryDequeue(out (int Left, int Right, long Count) top, out _))
        {
            (int Left, int Right) pair = (top.Left, top.Right);
            if (counts.TryGetValue(pair, out long count) && count == top.Count)
            {
                return count >= least ? pair : null;
            }
        }

        return null;
    }

    /// <summary>Replaces every occurrence of a pair, from the left of each word, by one id.</summary>
    public void Merge((int Left, int Right) pair, int id)
    {
        HashSet<(int Left, int Right)> changed = [];
        foreach (int word in wordsWith[pair].ToArray())
        {
            Count(word, sign: -1, changed);
            List<int> ids = words[word].Ids;
            int kept = 0;
            for (int i = 0; i < ids.Count; i++)
            {
                bool merges = i + 1 < ids.Count && (ids[i], ids[i + 1]) == pair;
                ids[kept++] = merges ? id : ids[i];
                i += merges ? 1 : 0;
            }

            ids.RemoveRange(kept, ids.Count - kept);
            Count(word, sign: +1, changed);
        }

        foreach ((int Left, int Right) other in changed)
        {
            Offer(other);
        }
    }

    private void Offer((int Left, int Right) pair)
    {
        if (counts.TryGetValue(pair, out long count))
        {
            queue.Enqueue((pair.Left, pair.Right, count), (-count, pair.Left, pair.Right));
        }
    }

    private void Count(int word, int sign, HashSet<(int Left, int Right)>? changed)
    {
        (List<int> ids, long weight) = words[word];
        for (int i = 0; i + 1 < ids.Count; i++)
        {
            (int Left, int Right) pair = (ids[i], ids[i + 1]);
            changed?.Add(pair);
            long count = counts.GetValueOrDefault(pair) + (sign * weight);
            if (count == 0)
            {
                counts.Remove(pair);
            }
            else
            {
                counts[pair] = count;
            }

            if (!wordsWith.TryGetValue(pair, out HashSet<int>? with))
            {
                wordsWith[pair] = with = [];
            }

            if (sign > 0)
            {
                with.Add(word);
            }
            else
            {
                with.Remove(word);
            }
        }
    }
}
