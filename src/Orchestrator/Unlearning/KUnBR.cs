using Hybrid.Interop;
using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// KUnBR (section 4.5): gradient difference first; then the blocks densest in the knowledge to forget are moved, one by one, into the
/// original model in their own positions, where no other unlearned layer covers for them, trained there alone, and moved back.
/// </summary>
internal sealed class KUnBR(KUnBROptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples)
    {
        int epochs = (options.PreUnlearn ? options.PreUnlearning.Epochs : 0) + ReinsertionEpochs;
        return epochs * BatchSampler.StepsPerEpoch(forgetExamples, options.PreUnlearning.BatchSize);
    }

    private int ReinsertionEpochs => options.Rounds * options.SelectedBlocks * options.EpochsPerBlock;

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        LlamaModel unlearned = context.Model;
        options.RequireFits(unlearned.Config);
        BlockPlan plan = BlockPlan.Cut(unlearned.Config.Layers, options.Blocks);
        using ModelPair? pair = options.Reinsert ? new ModelPair(unlearned, context.OriginalOnHost) : null;

        int steps = 0, passes = 0;
        if (options.PreUnlearn)
        {
            steps += TrainWhole("pre-unlearn", options.PreUnlearning, ForgetRetainLoop.BatchOrder);
        }

        if (pair is not { } models)
        {
            steps += TrainWhole("unlearn on", options.PreUnlearning with { Epochs = ReinsertionEpochs }, "instead of re-insertion");
            return new UnlearningOutcome(steps, []);
        }

        using var prefix = new FrozenPrefix(models.Original, new HiddenStateStore(options.PrefixMemoryBytes, options.PrefixFileBytes));
        var rounds = new List<ReinsertionRound>();
        double[] density = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            if (options.Strategy == BlockStrategy.Density && (round == 0 || options.Reestimate == DensityReestimate.EachRound))
            {
                models.LetUnlearnedCompute();
                density = RunJournal.Once(context.Journal, KnowledgeDensity.Stage, context.Progress, progress =>
                    KnowledgeDensity.Normalize(KnowledgeDensity.Measure(unlearned, context.Forget, options.MlpOnly, options.PreUnlearning.BatchSize, progress, context.Cancellation)));
            }

            int[] blocks = BlockSelection.Choose(plan, options.Strategy, options.SelectedBlocks, options.IgnoreHeadLayers, density);
            prefix.Expect(blocks.Select(block => plan.LayersOf(block).First));
            foreach (int block in blocks)
            {
                models.LetOriginalCompute();
                steps += Reinsert(plan, block, round, models, prefix, context);
                passes += options.EpochsPerBlock;
                if (context.AfterPass is { } look)
                {
                    models.LetUnlearnedCompute();
                    look(new UnlearningPass($"re-insert block {block}", passes));
                }
            }

            rounds.Add(new ReinsertionRound(density, blocks, plan.LayersPerBlock));
        }

        return new UnlearningOutcome(steps, rounds);

        int TrainWhole(string stage, GradientDifferenceOptions training, string key)
        {
            unlearned.SetTrainable(unlearned.Names);
            return GradientDifference.Train(
                stage, training, context, key, unlearned, GradientDifference.TokenNll, _ => context.AfterPass?.Invoke(new UnlearningPass(stage, ++passes)));
        }
    }

    /// <summary>Moves the block into the original model, trains it there with everything else frozen, and moves it back, come what may.</summary>
    private int Reinsert(BlockPlan plan, int block, int round, ModelPair models, FrozenPrefix prefix, UnlearningContext context)
    {
        (int first, int end) = plan.LayersOf(block);
        string[] names = [.. Enumerable.Range(first, end - first).SelectMany(layer => ParameterNames.LayerParts.Select(part => ParameterNames.Layer(layer, part)))];
        LlamaModel original = models.Original;
        Tensor[] there = [.. names.Select(name => original[name])], here = [.. names.Select(name => models.Unlearned[name])];

        Graft.Exchange(there, here);
        try
        {
            original.SetTrainable(names);
            string layers = end - first == 1 ? $"layer {first}" : $"layers {first}–{end - 1}";
            string stage = options.Rounds == 1 ? $"re-insert {layers}" : $"round {round + 1}, re-insert {layers}";
            return GradientDifference.Train(
                stage, options.PreUnlearning with { Epochs = options.EpochsPerBlock }, context, $"round {round} block {block}", original, NllAbovePrefix, changed: UnlearnedSoFar, replayed: batch => prefix.Refill(batch.Sequences, first));

            // The unlearned model wherever its parts are now; the original's own come from its folder.
            IEnumerable<KeyValuePair<string, Tensor>> UnlearnedSoFar() =>
                original.Names.Select(name => KeyValuePair.Create(name, names.Contains(name) ? original[name] : models.Unlearned[name]));

            Tensor NllAbovePrefix(LlamaModel model, ForgetRetainBatch batch)
            {
                Tensor hidden = model.RunLayers(prefix.States(batch.Sequences, first), batch.Packed, first, model.Config.Layers);
                return Losses.TokenNll(model, hidden, batch.Packed);
            }
        }
        finally
        {
            Graft.Exchange(there, here);
        }
    }
}
