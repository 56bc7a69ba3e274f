using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>When knowledge density is measured.</summary>
public enum DensityReestimate
{
    /// <summary>At the start of every round, on the model as it is then.</summary>
    EachRound,

    /// <summary>Before the first round only.</summary>
    Once,
}

/// <summary>Options of KUnBR.</summary>
public sealed record KUnBROptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "kunbr";

    /// <summary>Gradient difference as pre-unlearning runs it; its α, batch size and optimizer serve the blocks too.</summary>
    public required GradientDifferenceOptions PreUnlearning { get; init; }

    /// <summary>M, the blocks that the layers are cut into.</summary>
    public required int Blocks { get; init; }

    /// <summary>K, the blocks that are re-inserted in a round.</summary>
    public required int SelectedBlocks { get; init; }

    /// <summary>How blocks are chosen.</summary>
    public required BlockStrategy Strategy { get; init; }

    /// <summary>With the density strategy, blocks that hold one of this many last layers are not chosen.</summary>
    public required int IgnoreHeadLayers { get; init; }

    /// <summary>Passes over the forget set for each grafted block.</summary>
    public required int EpochsPerBlock { get; init; }

    /// <summary>Rounds of choosing and re-inserting.</summary>
    public required int Rounds { get; init; }

    /// <summary>When density is measured.</summary>
    public required DensityReestimate Reestimate { get; init; }

    /// <summary>Whether density counts the MLP's matrices only.</summary>
    public required bool MlpOnly { get; init; }

    /// <summary>Bytes of frozen layers' outputs kept in memory while blocks are re-inserted.</summary>
    public required long PrefixMemoryBytes { get; init; }

    /// <summary>Bytes of them kept in a temporary file beyond that; what fits neither is recomputed.</summary>
    public required long PrefixFileBytes { get; init; }

    /// <summary>Ablation: false trains all parameters by gradient difference for as many passes instead of re-inserting.</summary>
    public required bool Reinsert { get; init; }

    /// <summary>Ablation: false leaves pre-unlearning out.</summary>
    public required bool PreUnlearn { get; init; }

    /// <inheritdoc/>
    public void RequireFits(LlamaConfig model)
    {
        BlockPlan plan = BlockPlan.Cut(model.Layers, Blocks);
        _ = BlockSelection.Choose(plan, Strategy, SelectedBlocks, IgnoreHeadLayers, new double[plan.Layers]);
    }

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples)
    {
        IReadOnlyList<TokenSequence> retain = PreUnlearning.RetainCoefficient > 0 ? examples.Retain : [];
        BatchShape batch = PreUnlearning.Passes.LargestBatch(examples.Forget, retain);
        StageMemory whole = planner.TrainWhole(PreUnlearn ? "pre-unlearn" : "unlearn on", PreUnlearning.Optimizer, batch, secondModel: Reinsert);
        if (!Reinsert)
        {
            return [whole];
        }

        BlockPlan plan = BlockPlan.Cut(planner.Config.Layers, Blocks);
        // Which blocks are densest is not known yet; the lowest has the most layers above it. Other strategies do not look at densities.
        int[] candidates = Strategy == BlockStrategy.Density
            ? BlockSelection.Candidates(plan, Strategy, IgnoreHeadLayers)
            : BlockSelection.Choose(plan, Strategy, SelectedBlocks, IgnoreHeadLayers, new double[plan.Layers]);
        int choices = Reestimate == DensityReestimate.EachRound ? Rounds * SelectedBlocks : SelectedBlocks; // each round may choose others
        int boundaries = Math.Min(choices, candidates.Count(block => plan.LayersOf(block).First > 0));
        long tokens = BatchShape.Largest(examples.Forget, int.MaxValue).Tokens
            + BatchShape.Largest(retain, (int)Math.Min(retain.Count, (long)Rounds * SelectedBlocks * EpochsPerBlock * examples.Forget.Count)).Tokens;
        long prefix = Math.Min(PrefixMemoryBytes, planner.StateBytes(tokens, boundaries));
        StageMemory reinsert = planner.TrainBlock("re-insert", PreUnlearning.Optimizer, batch, plan.LayersOf(candidates.Min()), prefix);
        StageMemory[] density = Strategy == BlockStrategy.Density ? [planner.Density(BatchShape.Largest(examples.Forget, PreUnlearning.BatchSize), secondModel: true)] : [];
        return [.. PreUnlearn ? [whole] : Array.Empty<StageMemory>(), .. density, reinsert];
    }

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new KUnBR(this);

    /// <inheritdoc/>
    public IEnumerable<string> Validate()
    {
        foreach (string problem in PreUnlearning.Validate())
        {
            yield return problem;
        }

        if (Blocks < 1 || SelectedBlocks < 1 || EpochsPerBlock < 1 || Rounds < 1)
        {
            yield return Invariant($"blocks {Blocks}, selected blocks {SelectedBlocks}, epochs per block {EpochsPerBlock} and rounds {Rounds} must be at least 1");
        }

        if (IgnoreHeadLayers < 0 || PrefixMemoryBytes < 0 || PrefixFileBytes < 0)
        {
            yield return Invariant($"ignored head layers {IgnoreHeadLayers}, prefix memory {PrefixMemoryBytes} and prefix file {PrefixFileBytes} must not be negative");
        }
    }
}
