using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks;

/// <summary>
/// An epoch of training one block of an 8-block model with all else frozen: with the frozen prefix's outputs kept, against recomputing
/// everything, averaged over the blocks that can be chosen (all but the last, which is ignored by default).
/// </summary>
internal static class ReinsertionBenchmark
{
    private const double Goal = 1.8;
    private const int Epochs = 5; // per block, as the paper's re-insertion takes; the first of them fills the prefix

    public static void Run(Suite suite)
    {
        foreach (WorkSize size in suite.Sizes.Where(size => size.Shape.Layers == 8))
        {
            foreach (ElementType type in suite.Types)
            {
                Workload work = suite.Work(size);
                using LlamaModel model = work.Copy(type);
                suite.Add(new Result($"{Epochs} re-insertion epochs a block", size.Name, type.ToString(), "recomputing the frozen layers",
                    Interleaved.Run(() => Pass(work, model, keep: true), () => Pass(work, model, keep: false), suite.Rounds), Goal));
            }
        }
    }

    private static double Pass(Workload work, LlamaModel model, bool keep) => Interleaved.Time(() =>
    {
        int half = work.Examples.Count / 2;
        for (int layer = 0; layer < model.Config.Layers - 1; layer++)
        {
            model.SetTrainable(ParameterNames.LayerParts.Select(part => ParameterNames.Layer(layer, part)));
            var context = new UnlearningContext { Model = model, Forget = [.. work.Examples.Take(half)], Retain = [.. work.Examples.Skip(half)], Random = new SeededRandom(1) };
            var options = new GradientDifferenceOptions { RetainCoefficient = 1, Epochs = Epochs, BatchSize = work.Size.Batch, Optimizer = new() { Kind = OptimizerKind.Lion, LearningRate = 1e-6, WarmupSteps = 0, WeightDecay = 0 } };
            if (keep)
            {
                int first = layer;
                using var prefix = new FrozenPrefix(model, layer, long.MaxValue);
                GradientDifference.Train("kept", options, context, "benchmark", model, (m, batch) =>
                    Losses.TokenNll(m, m.RunLayers(prefix.States(batch.Sequences), batch.Packed, first, m.Config.Layers), batch.Packed));
            }
            else
            {
                GradientDifference.Train("recomputed", options, context, "benchmark", model, (m, batch) => Losses.TokenNll(m, batch.Packed));
            }
        }
    });
}
