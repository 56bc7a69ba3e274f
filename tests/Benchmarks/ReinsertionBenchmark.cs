using System.Text.Json.Nodes;
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
    private const int Epochs = 1; // per block, as the presets have it

    public static void Run(Suite suite)
    {
        foreach (WorkSize size in suite.Sizes.Where(size => size.Shape.Layers == 8 && size.Name != "mix"))
        {
            foreach (ElementType type in suite.Types)
            {
                Workload work = suite.Work(size);
                using LlamaModel model = work.Copy(type);
                string what = "a re-insertion epoch of each of 7 blocks";
                double Kept() => Pass(work, model, keep: true);
                suite.Facts.Add(new($"re-insertion {size.Name}: most that keeping can gain over our own recomputing, by count of layers", $"{MostGain(size.Shape.Layers):0.00}"));
                suite.Add(new Result(what, size.Name, type.ToString(), "our own, recomputing the frozen layers", Interleaved.Run(Kept, () => Pass(work, model, keep: false), suite.Rounds)));
                if (suite.PeerFor(size) is { } peer)
                {
                    peer.Load(work, "float32");
                    suite.Add(new Result(what, size.Name, type.ToString(), "PyTorch float32 with frozen parameters", Interleaved.Run(Kept, () => PeerPass(peer, size.Shape.Layers), Math.Min(suite.Rounds, 3)), Goal));
                }
            }
        }
    }

    /// <summary>
    /// A block at layer l of n: forward through n layers, backward through n − l and the gradients of one, against the same without the l
    /// frozen ones' forward, which the whole run computes once.
    /// </summary>
    private static double MostGain(int layers)
    {
        int[] blocks = [.. Enumerable.Range(0, layers - 1)];
        double recomputed = blocks.Sum(l => layers + (layers - l) + 1), kept = blocks.Sum(l => (2 * (layers - l)) + 1);
        return Epochs * recomputed / ((Epochs * kept) + blocks[^1]);
    }

    private static double PeerPass(Peer peer, int layers) => Enumerable.Range(0, layers - 1).Sum(layer =>
        peer.Run(new JsonObject { ["op"] = "frozen_epochs", ["layer"] = layer, ["epochs"] = Epochs, ["rate"] = 1e-6, ["alpha"] = 1 }).Seconds);

    private static double Pass(Workload work, LlamaModel model, bool keep) => work.Time(model, () =>
    {
        int half = work.Examples.Count / 2, blocks = model.Config.Layers - 1;
        using var prefix = new FrozenPrefix(model, new HiddenStateStore(keep ? long.MaxValue : 0, 0));
        prefix.Expect(Enumerable.Range(0, blocks));
        for (int layer = 0; layer < blocks; layer++)
        {
            int first = layer;
            model.SetTrainable(ParameterNames.LayerParts.Select(part => ParameterNames.Layer(first, part)));
            var context = new UnlearningContext { Model = model, Forget = [.. work.Examples.Take(half)], Retain = [.. work.Examples.Skip(half)], Random = new SeededRandom(1) };
            GradientDifference.Train("re-insert", Options(work), context, "benchmark", model, (m, batch) =>
                Losses.TokenNll(m, m.RunLayers(prefix.States(batch.Sequences, first), batch.Packed, first, m.Config.Layers), batch.Packed));
        }
    });

    private static GradientDifferenceOptions Options(Workload work) => new()
    {
        RetainCoefficient = 1,
        Epochs = Epochs,
        BatchSize = work.Size.Batch,
        Optimizer = Workload.Lion(1e-6),
    };
}
