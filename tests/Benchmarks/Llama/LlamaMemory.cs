using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>What the pieces of work take of the device: ours by the planner, the peer's by what it holds beside the same.</summary>
/// <param name="config">The model with all its layers.</param>
/// <param name="type">Its element type.</param>
/// <param name="device">Where it computes.</param>
/// <param name="bytes">All memory of the device.</param>
internal sealed class LlamaMemory(LlamaConfig config, ElementType type, Device device, double bytes)
{
    /// <summary>Part of the device's memory that is planned with; the rest is for contexts, libraries, and what allocators lose.</summary>
    private const double UsablePart = 0.75;

    private static readonly LlamaStepOptions Options = LlamaStepOptions.Preset;

    /// <summary>Bytes that both sides together may plan with.</summary>
    public double UsableBytes => UsablePart * bytes;

    /// <summary>Tokens of a gradient difference step.</summary>
    public static BatchShape StepBatch { get; } = Shape(WmdpLengths.Forget, Options.BatchSize) + Shape(WmdpLengths.Retain, Options.BatchSize);

    /// <summary>So many examples of a set of lengths, from its beginning again where there are fewer.</summary>
    public static BatchShape Shape((int Tokens, int Scored)[] lengths, int examples) => Enumerable.Range(0, examples)
        .Select(i => new BatchShape(lengths[i % lengths.Length].Tokens, lengths[i % lengths.Length].Scored, 1, lengths[i % lengths.Length].Tokens))
        .Aggregate((sum, each) => sum + each);

    /// <summary>A step of all parameters of so many layers, on our side.</summary>
    public long Full(int layers, bool checkpointing) =>
        OfWorkAlone(Planner(layers, checkpointing).TrainWhole("step", Options.Optimizer, StepBatch, secondModel: false, keepsLastGood: false));

    /// <summary>The same on the peer's side: its gradients are all there when backward ends.</summary>
    public long TheirFull(int layers, bool checkpointing) => Full(layers, checkpointing) + Planner(layers, checkpointing).WeightBytes;

    /// <summary>A step that trains a block of layers.</summary>
    public long Block((int First, int End) layers) => OfWorkAlone(Planner(config.Layers, checkpointing: false).TrainBlock("step", Options.Optimizer, StepBatch, layers, keptPrefix: 0));

    /// <summary>A measurement of density, on our side.</summary>
    public long Density => OfWorkAlone(Planner(config.Layers, checkpointing: false).Density(Shape(WmdpLengths.Forget, Options.BatchSize), secondModel: false));

    /// <summary>The same on the peer's side, which makes a gradient of everything where it goes back example by example.</summary>
    public long TheirDensity => Density + Weights;

    /// <summary>All weights.</summary>
    public long Weights => Planner(config.Layers, checkpointing: false).WeightBytes;

    /// <summary>How a step of all parameters fits on both sides, one at a time: with all layers if that is possible, and then without checkpointing if it is.</summary>
    public (int Layers, bool Checkpointing) LargestStep(bool hasPeer)
    {
        for (int layers = config.Layers; layers > 1; layers--)
        {
            foreach (bool checkpointing in new[] { false, true })
            {
                if ((hasPeer ? TheirFull(layers, checkpointing) : Full(layers, checkpointing)) <= UsableBytes)
                {
                    return (layers, checkpointing);
                }
            }
        }

        return (1, true);
    }

    /// <summary>How a whole run of KUnBR would be planned on this device.</summary>
    public MemoryPlan KUnBR(LlamaWork work)
    {
        KUnBROptions preset = WmdpLengths.KUnBR;
        KUnBROptions method = preset with { PreUnlearning = preset.PreUnlearning with { Optimizer = Options.Optimizer } };
        UnlearningExamples examples = UnlearningExamples.Of(LlamaWork.Take(work.Forget, WmdpLengths.ForgetQuestions), LlamaWork.Take(work.Retain, WmdpLengths.ForgetQuestions));
        return MemoryFit.Choose(saving => method.Memory(new MemoryPlanner(config, type, device, saving), examples), MemoryOptions.QuickestFirst, Available);
    }

    /// <summary>A plan in one line.</summary>
    public string Describe(MemoryPlan plan) =>
        $"{(MemoryFit.Fits(plan, Available) ? "fits" : "DOES NOT FIT")}, {MemoryFit.Gigabytes(plan.Fullest.Device.Total)} in '{plan.Fullest.Stage}', {MemoryFit.Gigabytes(plan.HostBytes)} of the host beside the device; "
        + $"{(plan.Options.ActivationCheckpointing ? "with" : "without")} activation checkpointing, the original model on {(plan.Options.SecondModelOnHost ? "the host" : "the device")}";

    private AvailableMemory Available => new((long)bytes, Runtime.Memory(Device.Cpu).Free);

    private MemoryPlanner Planner(int layers, bool checkpointing) =>
        new(config with { Layers = layers }, type, device, new MemoryOptions { ActivationCheckpointing = checkpointing, SecondModelOnHost = true });

    /// <summary>A stage without what the benchmark leaves out: a second model and the copy to return to, which on a CPU lie in the same memory.</summary>
    private static long OfWorkAlone(StageMemory stage) => stage.Device.Total - stage.Device[MemoryKind.SecondModel] - stage.Device[MemoryKind.LastGood];
}
