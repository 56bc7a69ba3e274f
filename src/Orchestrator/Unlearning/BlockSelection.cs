namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Which blocks are re-inserted, and in what order (KUnBR, section 4.4, Appendix C and D, Figure 3).</summary>
public enum BlockStrategy
{
    /// <summary>The densest, densest first, blocks near the output left out: the paper's.</summary>
    Density,

    /// <summary>Those nearest the output, nearest first.</summary>
    Head,

    /// <summary>Those nearest the input, nearest first.</summary>
    Bottom,

    /// <summary>Evenly spaced over all blocks, from the input up.</summary>
    Average,

    /// <summary>In index order, as the authors' released code does.</summary>
    Sequential,
}

/// <summary>Chooses K of M blocks.</summary>
public static class BlockSelection
{
    /// <summary>Density of each block: the sum of its layers' normalised densities (equation 4).</summary>
    public static double[] BlockDensities(BlockPlan plan, IReadOnlyList<double> normalizedDensity) =>
    [
        .. Enumerable.Range(0, plan.Blocks).Select(block =>
        {
            (int first, int end) = plan.LayersOf(block);
            return normalizedDensity.Skip(first).Take(end - first).Sum();
        }),
    ];

    /// <summary>The blocks in the order of their re-insertion. Equal densities: the block nearer the input first.</summary>
    /// <param name="plan">The cut.</param>
    /// <param name="strategy">The rule.</param>
    /// <param name="count">K.</param>
    /// <param name="ignoreHeadLayers">For <see cref="BlockStrategy.Density"/>: a block that holds one of this many last layers is not chosen.</param>
    /// <param name="normalizedDensity">Density of each layer; only <see cref="BlockStrategy.Density"/> looks at it.</param>
    /// <exception cref="HybridException">BlockPlan: more blocks are asked for than there are to choose from.</exception>
    public static int[] Choose(BlockPlan plan, BlockStrategy strategy, int count, int ignoreHeadLayers, IReadOnlyList<double> normalizedDensity)
    {
        int[] candidates = Candidates(plan, strategy, ignoreHeadLayers);
        if (count < 1 || count > candidates.Length)
        {
            string without = candidates.Length < plan.Blocks ? $" of {plan.Blocks}, the last {ignoreHeadLayers} layers being ignored" : string.Empty;
            throw new HybridException(ErrorKind.BlockPlan, $"{count} blocks are to be re-inserted, {candidates.Length} can be chosen{without}");
        }

        return strategy switch
        {
            BlockStrategy.Density => Densest(candidates, BlockDensities(plan, normalizedDensity), count),
            BlockStrategy.Head => [.. candidates.Reverse().Take(count)],
            BlockStrategy.Bottom or BlockStrategy.Sequential => candidates[..count],
            BlockStrategy.Average => EvenlySpaced(plan.Blocks, count),
            _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "unknown strategy"),
        };
    }

    /// <summary>The blocks that a strategy may choose from, in index order.</summary>
    public static int[] Candidates(BlockPlan plan, BlockStrategy strategy, int ignoreHeadLayers)
    {
        int firstIgnored = strategy == BlockStrategy.Density ? plan.Layers - ignoreHeadLayers : plan.Layers;
        return [.. Enumerable.Range(0, plan.Blocks).Where(block => plan.LayersOf(block).End <= firstIgnored)];
    }

    private static int[] Densest(int[] candidates, double[] density, int count) =>
        [.. candidates.OrderByDescending(block => density[block]).ThenBy(block => block).Take(count)];

    /// <summary>Both ends and equal steps between, rounded to whole blocks; the middle for one.</summary>
    private static int[] EvenlySpaced(int blocks, int count) => count == 1
        ? [(blocks - 1) / 2]
        : [.. Enumerable.Range(0, count).Select(i => (int)Math.Round((double)i * (blocks - 1) / (count - 1), MidpointRounding.AwayFromZero))];
}
