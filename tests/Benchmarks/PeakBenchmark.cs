using Hybrid.Interop;
using Hybrid.Orchestrator;
using System.Text.Json.Nodes;

namespace Hybrid.Benchmarks;

/// <summary>The rates that bound everything else: matrix products on the sizes' own shapes, and a copy through memory.</summary>
internal static class PeakBenchmark
{
    private static readonly (int Rows, int Out, int In)[] Shapes = [(1024, 688, 256), (2624, 168, 64), (1024, 2816, 1024)];
    private static readonly (int Rows, int Out, int In)[] GpuShapes = [(8192, 2816, 1024), (4096, 14336, 4096)];

    public static void Run(Suite suite)
    {
        (int Rows, int Out, int In)[] shapes = suite.Device == Device.Cpu ? Shapes : GpuShapes;
        foreach (ElementType type in suite.Types)
        {
            foreach ((int rows, int outs, int ins) in shapes)
            {
                double operations = 2.0 * rows * outs * ins;
                double rate = operations / Seconds(suite.Device, type, rows, outs, ins, (int)Math.Max(5, 1e10 / operations));
                suite.PeakRate[type] = Math.Max(rate, suite.PeakRate.GetValueOrDefault(type));
                suite.Facts.Add(new($"linear {type} [{rows}, {ins}] × [{outs}, {ins}]ᵀ", $"{rate / 1e9:0} GFLOP/s"));
            }

            suite.Say($"peak rate of products in {type}: {suite.PeakRate[type] / 1e9:0} GFLOP/s");
        }

        if (suite.PeerFor(suite.Sizes[0]) is { } peer)
        {
            foreach ((int rows, int outs, int ins) in shapes)
            {
                double operations = 2.0 * rows * outs * ins;
                var request = new JsonObject { ["op"] = "multiply", ["m"] = rows, ["n"] = outs, ["k"] = ins, ["repeats"] = (int)Math.Max(5, 1e10 / operations) };
                double seconds = Enumerable.Range(0, 4).Select(_ => peer.Run(request).Seconds).Min();
                suite.Facts.Add(new($"PyTorch F.linear float32 [{rows}, {ins}] × [{outs}, {ins}]ᵀ", $"{operations / seconds / 1e9:0} GFLOP/s"));
            }
        }

        const int bytes = 256 << 20;
        using Tensor from = Tensor.Zeros([bytes / 4], ElementType.Float32, Device.Cpu), to = Tensor.Zeros([bytes / 4], ElementType.Float32, Device.Cpu);
        to.CopyFrom(from);
        double copy = Enumerable.Range(0, 5).Select(_ => Interleaved.Time(() => to.CopyFrom(from))).Min();
        suite.Facts.Add(new("copy of 256 MiB through the host's memory", $"{2.0 * bytes / copy / 1e9:0.0} GB/s read and written"));
    }

    private static double Seconds(Device device, ElementType type, int rows, int outs, int ins, int repeats)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var random = new SeededRandom(2);
        Tensor x = Random(rows, ins), weight = Random(outs, ins);
        return Enumerable.Range(0, 5).Select(_ => Interleaved.Time(Repeat) / repeats).Min();

        Tensor Random(int height, int width) =>
            Tensor.From<float>([.. Enumerable.Range(0, height * width).Select(_ => (float)random.NextGaussian())], [height, width], Device.Cpu).To(type, device);

        void Repeat()
        {
            for (int i = 0; i < repeats; i++)
            {
                using Tensor product = Transformer.Linear(x, weight);
                if (i == repeats - 1 && device != Device.Cpu)
                {
                    using Tensor corner = product.Narrow(0, 0, 1);
                    corner.ToDoubles(); // waits for the device
                }
            }
        }
    }
}
