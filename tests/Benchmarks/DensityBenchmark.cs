using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks;

/// <summary>Knowledge density of 64 examples against PyTorch's two ways of having per-example gradients, and against our own plain backward pass.</summary>
internal static class DensityBenchmark
{
    private static readonly Dictionary<(string Size, ElementType Type), double> Goals = new()
    {
        [("S", ElementType.Float32)] = 3, [("T", ElementType.Float32)] = 8, [("W", ElementType.Float32)] = 1.35,
        [("S", ElementType.BFloat16)] = 10, [("T", ElementType.BFloat16)] = 10, [("W", ElementType.BFloat16)] = 6,
    };

    /// <summary>Examples at a time under functorch, tried in turn: their gradients are all in memory at once.</summary>
    private static readonly int[] FunctorchChunks = [4, 8, 16];

    public static void Run(Suite suite)
    {
        foreach (WorkSize size in suite.Sizes)
        {
            Workload work = suite.Work(size);
            double[]? reference = null;
            foreach (ElementType type in suite.Types)
            {
                LlamaModel model = work.Model(type);
                double[] density = [];
                double Measure() => work.Time(model, () => density = KnowledgeDensity.Measure(model, work.DensityExamples, mlpOnly: false, size.Batch));
                double? bound = suite.Bound(size.DensityOperations(Workload.Tokens(work.DensityExamples)), type);

                suite.Add(new Result("density", size.Name, type.ToString(), "our own forward and backward", Interleaved.Run(Measure, () => ForwardBackward(work, model), suite.Rounds), 1 / 1.1, bound));
                reference ??= density;
                suite.Facts.Add(new($"density {size.Name} {type}, largest relative difference from our float32", $"{Difference(density, reference):0.0e0}"));

                if (suite.PeerFor(size) is not { } peer)
                {
                    continue;
                }

                double[] theirs = [];
                double PeerLoop()
                {
                    (double seconds, theirs) = peer.Run(new JsonObject { ["op"] = "density_loop", ["examples"] = WorkSize.DensityExamples });
                    return seconds;
                }

                suite.Add(new Result("density", size.Name, type.ToString(), "PyTorch, one backward an example", Interleaved.Run(Measure, PeerLoop, suite.Rounds), Goals.TryGetValue((size.Name, type), out double goal) ? goal : null, bound));
                suite.Facts.Add(new($"density {size.Name} {type}, largest relative difference from PyTorch's", $"{Difference(density, theirs):0.0e0}"));
                if (type == ElementType.Float32)
                {
                    int chunk = FunctorchChunks.MinBy(candidate => Functorch(peer, candidate));
                    suite.Add(new Result("density", size.Name, type.ToString(), $"PyTorch with functorch, {chunk} examples at a time", Interleaved.Run(Measure, () => Functorch(peer, chunk), suite.Rounds), null, bound));
                }
            }
        }
    }

    private static double Functorch(Peer peer, int chunk) =>
        peer.Run(new JsonObject { ["op"] = "density_functorch", ["examples"] = WorkSize.DensityExamples, ["chunk"] = chunk }).Seconds;

    /// <summary>An ordinary pass over the same examples in the same batches, gradients of all parameters.</summary>
    private static double ForwardBackward(Workload work, LlamaModel model)
    {
        model.SetTrainable(model.Names);
        Tensor[] parameters = [.. model.Names.Select(name => model[name])];
        double seconds = work.Time(model, () =>
        {
            foreach (TokenSequence[] batch in work.DensityExamples.Chunk(work.Size.Batch))
            {
                using TensorScope scope = TensorScope.Begin();
                Autograd.Gradients(Losses.MeanNll(model, new PackedBatch(batch)), parameters);
            }
        });
        model.SetTrainable([]);
        return seconds;
    }

    private static double Difference(double[] values, double[] reference) => values.Zip(reference, (value, expected) => Math.Abs(value - expected) / Math.Abs(expected)).Max();
}
