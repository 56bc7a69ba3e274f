using System.Text.Json.Nodes;
using Hybrid.Orchestrator;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks;

/// <summary>One step of gradient difference: forget and retain batch forward, backward, Lion.</summary>
internal static class GradientDifferenceBenchmark
{
    private const double Alpha = 1, Rate = 1e-5;

    private static readonly Dictionary<(string Size, ElementType Type), double> Goals = new()
    {
        [("S", ElementType.Float32)] = 1.8, [("T", ElementType.Float32)] = 3, [("W", ElementType.Float32)] = 1.1,
        [("S", ElementType.BFloat16)] = 5, [("T", ElementType.BFloat16)] = 4, [("W", ElementType.BFloat16)] = 4,
    };

    /// <summary>The peer's request.</summary>
    public static JsonObject PeerStep => new() { ["op"] = "gd_step", ["rate"] = Rate, ["alpha"] = Alpha };

    public static void Run(Suite suite)
    {
        foreach (WorkSize size in suite.Sizes)
        {
            Workload work = suite.Work(size);
            foreach (ElementType type in suite.Types)
            {
                using LlamaModel model = work.Copy(type);
                model.SetTrainable(model.Names);
                using var step = new TrainingStep(model, Workload.Lion(Rate), new SeededRandom(1));
                double first = double.NaN;
                double Step() => work.Time(model, () =>
                {
                    TrainingProgress done = step.Run("step", 1, () => Loss(model, new ForgetRetainBatch(work.Forget, work.Retain)));
                    first = double.IsNaN(first) ? done.Loss : first;
                });

                double? bound = suite.Bound(size.TrainingOperations(Workload.Tokens(work.Forget) + Workload.Tokens(work.Retain)), type);
                if (suite.PeerFor(size) is not { } peer)
                {
                    suite.Add(new Result("gradient difference step", size.Name, type.ToString(), "itself (no peer)", Interleaved.Run(Step, Step, suite.Rounds), null, bound));
                    continue;
                }

                peer.Load(work, "float32");
                double theirFirst = double.NaN;
                double PeerStepSeconds()
                {
                    (double seconds, double[] loss) = peer.Run(PeerStep);
                    theirFirst = double.IsNaN(theirFirst) ? loss[0] : theirFirst;
                    return seconds;
                }

                suite.Add(new Result("gradient difference step", size.Name, type.ToString(), "PyTorch float32", Interleaved.Run(Step, PeerStepSeconds, suite.Rounds * 3), Goals.TryGetValue((size.Name, type), out double goal) ? goal : null, bound));
                suite.Facts.Add(new($"first loss {size.Name} {type}: ours, PyTorch's", $"{first:0.000000}, {theirFirst:0.000000}"));
                if (type == ElementType.BFloat16)
                {
                    peer.Load(work, "bfloat16");
                    suite.Add(new Result("gradient difference step", size.Name, type.ToString(), "PyTorch bfloat16, no master weights", Interleaved.Run(Step, () => peer.Run(PeerStep).Seconds, suite.Rounds * 3), null, bound));
                    peer.Load(work, "float32");
                }
            }
        }
    }

    private static ForgetRetainLoss Loss(LlamaModel model, ForgetRetainBatch batch) =>
        Losses.GradientDifference(Losses.TokenNll(model, batch.Packed), batch.ForgetTokens, Alpha);
}
