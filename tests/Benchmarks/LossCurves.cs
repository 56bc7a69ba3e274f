using Hybrid.Orchestrator;
using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Benchmarks;

/// <summary>What bfloat16 weights with float32 master copies cost in learning: the loss of the same steps in both types, side by side.</summary>
internal static class LossCurves
{
    private const int Steps = 60, Shown = 10;

    public static void Run(Suite suite)
    {
        WorkSize size = suite.Sizes[0];
        Workload work = suite.Work(size);
        double[][] curves = [.. new[] { ElementType.Float32, ElementType.BFloat16 }.Select(type => Learn(work, type))];
        for (int step = 0; step <= Steps; step += Shown)
        {
            int at = Math.Min(step, Steps - 1);
            suite.Facts.Add(new($"learning {size.Name} by Lion, rate 3e-4, loss at step {at + 1}: Float32, BFloat16", $"{curves[0][at]:0.0000}, {curves[1][at]:0.0000}"));
        }

        double widest = curves[0].Zip(curves[1], (wide, narrow) => Math.Abs(wide - narrow)).Max();
        suite.Facts.Add(new($"learning {size.Name}, widest gap of the two curves", $"{widest:0.0000}"));
        suite.Say($"loss curves: widest gap {widest:0.0000}");
    }

    private static double[] Learn(Workload work, ElementType type)
    {
        using LlamaModel model = work.Copy(type);
        model.SetTrainable(model.Names);
        using var step = new TrainingStep(model, Workload.Lion(3e-4), new SeededRandom(1));
        var batch = new PackedBatch(work.Forget);
        return [.. Enumerable.Range(0, Steps).Select(_ => step.Run("learn", Steps, () => new ForgetRetainLoss(Losses.MeanNll(model, batch), null, null)).Loss)];
    }
}
