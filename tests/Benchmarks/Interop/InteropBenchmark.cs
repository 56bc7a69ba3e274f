using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;

namespace Hybrid.Benchmarks.Interop;

/// <summary>What crossing from C# into the native library costs, for itself and in a step of the demo.</summary>
internal static class InteropBenchmark
{
    private const int Calls = 200_000;
    private const double MostShareOfStep = 0.02;

    public static void Run(Suite suite, string folder)
    {
        using Tensor a = Tensor.From<float>([1]), b = Tensor.From<float>([2]);
        Each(() => _ = Runtime.LiveHandles); // compiles and loads what is measured below
        Each(() => _ = a.Address);
        Each(() => a.Alias().Dispose());

        double empty = Median(suite, () => _ = Runtime.LiveHandles);
        double handle = Median(suite, () => _ = a.Address);
        double pair = Median(suite, () => a.Alias().Dispose());
        suite.Facts.Add(new("an empty call", Nanoseconds(empty)));
        suite.Facts.Add(new("a call that borrows a handle", Nanoseconds(handle)));
        suite.Facts.Add(new("a call that makes a tensor, and the one that frees it", Nanoseconds(pair)));
        int threads = Runtime.Threads;
        suite.Facts.Add(new("the thread count set to what it is", Nanoseconds(Median(suite, () => Runtime.Threads = threads))));
        bool more = false;
        suite.Facts.Add(new("the thread count changed", Nanoseconds(Median(suite, () => Runtime.Threads = threads + ((more = !more) ? 1 : 0)))));
        Runtime.Threads = threads;
        SmallestOperation(suite, a, b);
        ShareOfAStep(suite, folder, pair / 2);
    }

    private static void SmallestOperation(Suite suite, Tensor a, Tensor b)
    {
        const string work = "sum of two one-element tensors", size = "1", type = "Float32";
        double Ours() => Each(() => (a + b).Dispose());
        suite.Add(new Result(work, size, type, "LibTorch from C++", Interleaved.Run(Ours, () => Interleaved.Time(() => NativeLibraries.Add(a, b, Calls)) / Calls, suite.Rounds * 3)));
        if (suite.PeerFor(suite.Sizes[0]) is { } peer)
        {
            var request = new JsonObject { ["op"] = "add", ["repeats"] = Calls };
            suite.Add(new Result(work, size, type, "PyTorch", Interleaved.Run(Ours, () => peer.Run(request).Seconds, suite.Rounds * 3)));
        }
    }

    /// <summary>Every call of a step at the price of one that borrows a handle and makes or frees a tensor: more than most of them cost.</summary>
    private static void ShareOfAStep(Suite suite, string folder, double secondsOfACall)
    {
        IReadOnlyDictionary<string, ulong> calls = CallCounter.Count();
        double count = calls.Values.Sum(number => (double)number);
        suite.Facts.Add(new("native calls of a gradient difference step, demo", $"{count:0}, of them {string.Join(", ", calls.OrderByDescending(call => call.Value).Take(4).Select(call => $"{call.Value} {call.Key}"))}"));
        int threads = Runtime.Threads;
        foreach (int used in new[] { DemoStep.Threads, threads }.Distinct())
        {
            Runtime.Threads = used;
            double step = StepSeconds(suite, folder), share = count * secondsOfACall / step;
            suite.Facts.Add(new($"crossing's share of that step with {used} threads", string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.00} % of {Report.Duration(step)}, goal under {MostShareOfStep * 100:0} %: {(share < MostShareOfStep ? "met" : "not met")}")));
            suite.Say($"{suite.Facts[^1].Name}: {suite.Facts[^1].Value}");
        }

        Runtime.Threads = threads;
    }

    private static double StepSeconds(Suite suite, string folder)
    {
        using var step = new DemoStep(folder);
        step.Run();
        return Interleaved.Median(Enumerable.Range(0, suite.Rounds * 3).Select(_ => Interleaved.Time(step.Run)));
    }

    /// <summary>Seconds of one call, the median of the suite's rounds.</summary>
    private static double Median(Suite suite, Action call) => Interleaved.Median(Enumerable.Range(0, suite.Rounds * 3).Select(_ => Each(call)));

    private static double Each(Action call) => Interleaved.Time(() =>
    {
        for (int i = 0; i < Calls; i++)
        {
            call();
        }
    }) / Calls;

    private static string Nanoseconds(double seconds) => $"{(seconds * 1e9).ToString("0", CultureInfo.InvariantCulture)} ns";
}
