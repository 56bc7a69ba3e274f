using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Memory;

/// <summary>
/// Says what stages take before anything is loaded: bytes of tensors, which is what LibTorch's allocators hand out. A process takes a little more:
/// the program itself, libraries, threads' scratch, and on a GPU the driver's context.
/// </summary>
/// <param name="config">The model's shape.</param>
/// <param name="type">Its element type.</param>
/// <param name="device">Where it computes.</param>
/// <param name="options">Ways of saving memory.</param>
public sealed class MemoryPlanner(LlamaConfig config, ElementType type, Device device, MemoryOptions options)
{
    /// <summary>The model's shape.</summary>
    public LlamaConfig Config => config;

    /// <summary>The ways of saving memory.</summary>
    public MemoryOptions Options => options;

    /// <summary>Bytes of the model's parameters.</summary>
    public long WeightBytes => config.ParameterCount * type.Size();

    /// <summary>The model, maybe beside another, and the largest forward pass of an evaluation.</summary>
    public StageMemory Evaluate(string stage, BatchShape batch, bool secondModel) => Plan(stage, secondModel, (_, pass) => pass.Forward(batch, config.Layers));

    /// <summary>What comes after a method: its result is compared with the original's file on the host, a tensor at a time, and saved.</summary>
    public StageMemory Save() => Plan("save", secondModel: false, (timeline, _) =>
        timeline.TakeOnHost(MemoryKind.SecondModel, (device == Device.Cpu ? 1 : 2) * LargestParameter * type.Size())); // the original's, and a copy of the device's

    /// <summary>Density of every layer of a model.</summary>
    public StageMemory Density(BatchShape batch, bool secondModel) => Plan("density", secondModel, (_, pass) => pass.Step(StepShape.Density(config.Layers, batch)));

    /// <summary>Training of all parameters.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="optimizer">How parameters move.</param>
    /// <param name="batch">The largest batch.</param>
    /// <param name="secondModel">Whether there is another model beside the trained one.</param>
    /// <param name="keepsLastGood">Whether there is a copy to return to when training diverges.</param>
    public StageMemory TrainWhole(string stage, OptimizerOptions optimizer, BatchShape batch, bool secondModel, bool keepsLastGood = true) =>
        Train(stage, optimizer, StepShape.Whole(config.Layers, batch), secondModel, keptPrefix: 0, config.ParameterCount, keepsLastGood: keepsLastGood);

    /// <summary>Training of a block of layers, by a loss of tokens, everything else frozen.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="optimizer">How parameters move.</param>
    /// <param name="batch">The largest batch.</param>
    /// <param name="layers">The block.</param>
    /// <param name="keptPrefix">Bytes of frozen layers' states that are kept.</param>
    public StageMemory TrainBlock(string stage, OptimizerOptions optimizer, BatchShape batch, (int First, int End) layers, long keptPrefix) => Train(
        stage, optimizer, StepShape.Block(layers.First, layers.End, config.Layers, batch), secondModel: true, keptPrefix, (layers.End - layers.First) * LayerParameters);

    /// <summary>Training of feed-forward output matrices by a loss on hidden states.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="optimizer">How parameters move.</param>
    /// <param name="batch">The largest batch.</param>
    /// <param name="retainTokens">Tokens of the retain examples in it.</param>
    /// <param name="layers">The layers of the matrices; nothing above is computed.</param>
    /// <param name="keptPrefix">Bytes of frozen layers' states that are kept.</param>
    public StageMemory TrainOutputs(string stage, OptimizerOptions optimizer, BatchShape batch, long retainTokens, (int First, int End) layers, long keptPrefix)
    {
        long trained = (long)(layers.End - layers.First) * config.HiddenSize * config.IntermediateSize;
        return Train(stage, optimizer, StepShape.Steering(layers.First, layers.End, batch, retainTokens), secondModel: false, keptPrefix, trained, keptCopy: trained * type.Size());
    }

    /// <summary>Bytes of frozen layers' hidden states of so many tokens at so many layers.</summary>
    public long StateBytes(long tokens, int layers) => tokens * layers * config.HiddenSize * type.Size();

    /// <summary>What an update of the largest parameter takes beside its state: on GPUs AdamW and SGD are LibTorch's operations, on float32 copies.</summary>
    private long ScratchBytes(OptimizerOptions optimizer) => device == Device.Cpu ? 0 : LargestParameter * sizeof(float) * optimizer.Kind switch
    {
        OptimizerKind.AdamW => 3,
        OptimizerKind.Sgd => 1,
        _ => 0,
    };

    private long LargestParameter => ParameterNames.All(config).Max(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size));

    private long LayerParameters =>
        (config.ParameterCount - config.HiddenSize - ((long)config.VocabularySize * config.HiddenSize * (config.TiedEmbeddings ? 1 : 2))) / config.Layers;

    private StageMemory Train(string stage, OptimizerOptions optimizer, StepShape step, bool secondModel, long keptPrefix, long trained, long keptCopy = 0, bool keepsLastGood = true) => Plan(stage, secondModel, (timeline, pass) =>
    {
        timeline.Take(MemoryKind.SecondModel, keptCopy);
        timeline.Take(MemoryKind.OptimizerState, trained * Optimizers.StateBytes(optimizer, type));
        timeline.TakeOnHost(MemoryKind.LastGood, keepsLastGood ? trained * type.Size() : 0);
        timeline.TakeOnHost(MemoryKind.KeptPrefix, keptPrefix);
        timeline.Take(MemoryKind.OptimizerState, ScratchBytes(optimizer));
        if (step.FirstLayer > 0)
        {
            pass.Forward(step.Batch, step.FirstLayer); // frozen layers, once an example
        }

        pass.Step(step);
    });

    private StageMemory Plan(string stage, bool secondModel, Action<MemoryTimeline, PassMemory> follow)
    {
        var timeline = new MemoryTimeline(hostIsDevice: device == Device.Cpu);
        timeline.Take(MemoryKind.Weights, WeightBytes);
        if (secondModel && options.SecondModelOnHost)
        {
            timeline.TakeOnHost(MemoryKind.SecondModel, WeightBytes);
        }
        else if (secondModel)
        {
            timeline.Take(MemoryKind.SecondModel, WeightBytes);
        }

        follow(timeline, new PassMemory(config, type, device, timeline, options.ActivationCheckpointing));
        return new StageMemory(stage, timeline.DevicePeak, timeline.HostPeak);
    }
}
