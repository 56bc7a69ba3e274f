using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Benchmarks;

/// <summary>A block of one layer into another model and back, against copies of every tensor.</summary>
internal static class GraftBenchmark
{
    private const int Repeats = 2000;
    private const double Goal = 100;

    public static void Run(Suite suite)
    {
        foreach (WorkSize size in suite.Sizes.Where(size => size.Name != "mix"))
        {
            Workload work = suite.Work(size);
            using LlamaModel other = work.Copy(ElementType.Float32);
            LlamaModel model = work.Model(ElementType.Float32);
            string[] names = [.. ParameterNames.LayerParts.Select(part => ParameterNames.Layer(1, part))];
            Tensor[] here = [.. names.Select(name => model[name])], there = [.. names.Select(name => other[name])];
            double Exchange() => Interleaved.Time(() =>
            {
                for (int i = 0; i < Repeats; i++)
                {
                    Graft.Exchange(there, here);
                }
            }) / Repeats;

            double Copies() => work.Time(model, () =>
            {
                using TensorScope scope = TensorScope.Begin();
                Tensor[] kept = [.. there.Select(tensor => tensor.Clone())];
                for (int i = 0; i < there.Length; i++)
                {
                    there[i].CopyFrom(here[i]);
                    here[i].CopyFrom(kept[i]);
                }
            });

            suite.Add(new Result("graft of one layer", size.Name, "Float32", "our own clone and copy", Interleaved.Run(Exchange, Copies, suite.Rounds * 3)));
            if (suite.PeerFor(size) is { } peer)
            {
                var request = new JsonObject { ["op"] = "graft", ["layer"] = 1, ["repeats"] = 5 };
                suite.Add(new Result("graft of one layer", size.Name, "Float32", "PyTorch, clone and copy_", Interleaved.Run(Exchange, () => peer.Run(request).Seconds, suite.Rounds * 3), size.Name == "W" ? Goal : null));
            }
        }
    }
}
