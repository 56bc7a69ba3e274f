namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// The cut of H decoder layers into M blocks of N = ⌊H/M⌋ layers (KUnBR, equation 4): block m holds layers mN … (m+1)N−1. The H − MN layers
/// left at the output end belong to no block.
/// </summary>
public sealed record BlockPlan
{
    private BlockPlan(int layers, int blocks)
    {
        Layers = layers;
        Blocks = blocks;
        LayersPerBlock = layers / blocks;
    }

    /// <summary>H.</summary>
    public int Layers { get; }

    /// <summary>M.</summary>
    public int Blocks { get; }

    /// <summary>N.</summary>
    public int LayersPerBlock { get; }

    /// <summary>Layers at the output end that belong to no block.</summary>
    public int LeftOver => Layers - (Blocks * LayersPerBlock);

    /// <summary>Cuts.</summary>
    /// <exception cref="HybridException">BlockPlan: fewer layers than blocks, or no block.</exception>
    public static BlockPlan Cut(int layers, int blocks) => blocks >= 1 && blocks <= layers
        ? new BlockPlan(layers, blocks)
        : throw new HybridException(ErrorKind.BlockPlan, $"{layers} layers cannot be cut into {blocks} blocks; 1 to {layers} are possible");

    /// <summary>First layer of a block, and the first after it.</summary>
    public (int First, int End) LayersOf(int block) => block >= 0 && block < Blocks
        ? (block * LayersPerBlock, (block + 1) * LayersPerBlock)
        : throw new ArgumentOutOfRangeException(nameof(block), block, $"there are {Blocks} blocks");
}
