using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Interop;

/// <summary>A step of gradient difference as the demo makes it: its model, 16 forget and 16 retain examples of its questions' length, on the CPU.</summary>
internal sealed class DemoStep(string folder) : IDisposable
{
    /// <summary>Threads of a job in configs/demo.yaml.</summary>
    public const int Threads = 1;

    private const double Alpha = 2, Rate = 3e-4; // the first of configs/demo.yaml's

    private static readonly WorkSize Size = WorkSize.Cpu.Single(size => size.Name == "T") with { Name = "demo", Batch = 16 };

    private readonly Workload work = new(Size, Device.Cpu, folder);
    private TrainingStep? step;

    private LlamaModel Model => work.Model(ElementType.Float32);

    /// <summary>Makes one step, and moves the model by it.</summary>
    public void Run()
    {
        if (step is null)
        {
            Model.SetTrainable(Model.Names);
            step = new TrainingStep(Model, Workload.Lion(Rate), new SeededRandom(1));
        }

        step.Run("step", 1, () =>
        {
            var batch = new ForgetRetainBatch(work.Forget, work.Retain);
            return Losses.GradientDifference(Losses.TokenNll(Model, batch.Packed), batch.ForgetTokens, Alpha);
        });
    }

    public void Dispose()
    {
        step?.Dispose();
        work.Dispose();
    }
}
