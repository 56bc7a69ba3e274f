using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>Which step is asked for.</summary>
/// <param name="First">First trained layer.</param>
/// <param name="Last">The layer after the last trained one; 0 where all parameters are trained.</param>
/// <param name="Difference">Gradient difference, else the attack's mean NLL.</param>
/// <param name="Kept">Whether the hidden states below the first trained layer are computed once and kept, as while a block is re-inserted.</param>
/// <param name="Checkpointing">Whether a layer's activations are computed again in backward.</param>
/// <param name="BatchSize">Forget examples, and as many retain examples; or the attack's.</param>
/// <param name="Alpha">α of gradient difference.</param>
/// <param name="Rate">Learning rate.</param>
internal sealed record LlamaTrainingRequest(int First, int Last, bool Difference, bool Kept, bool Checkpointing, int BatchSize, double Alpha, double Rate);

/// <summary>Repeated steps of one kind on one batch.</summary>
internal sealed class LlamaTraining : IDisposable
{
    private readonly LlamaModel model;
    private readonly TrainingStep step;
    private readonly ForgetRetainBatch batch;
    private readonly Tensor? states;

    public LlamaTraining(LlamaModel model, LlamaWork work, LlamaTrainingRequest request)
    {
        this.model = model;
        Request = request;
        model.ActivationCheckpointing = request.Checkpointing;
        model.SetTrainable(request.Last == 0 ? model.Names : Enumerable.Range(request.First, request.Last - request.First).SelectMany(layer => ParameterNames.LayerParts.Select(part => ParameterNames.Layer(layer, part))));
        step = new TrainingStep(model, LlamaStepOptions.Preset.Optimizer with { LearningRate = request.Rate }, new SeededRandom(1));
        batch = request.Difference
            ? new ForgetRetainBatch(LlamaWork.Take(work.Forget, request.BatchSize), LlamaWork.Take(work.Retain, request.BatchSize))
            : new ForgetRetainBatch(LlamaWork.Take(work.Attack, request.BatchSize), []);
        states = request.Kept ? Below() : null;
    }

    public LlamaTrainingRequest Request { get; }

    /// <summary>One step: its loss, and the losses it is made of where there are two.</summary>
    public double[] Step()
    {
        TrainingProgress done = step.Run("step", 1, () =>
        {
            Tensor hidden = states is null ? model.HiddenStates(batch.Packed) : model.RunLayers(states, batch.Packed, Request.First, model.Config.Layers);
            Tensor nll = Losses.TokenNll(model, hidden, batch.Packed);
            return Request.Difference ? Losses.GradientDifference(nll, batch.ForgetTokens, Request.Alpha) : new ForgetRetainLoss(nll.Mean(), null, null);
        });
        return done is { ForgetNll: { } forget, RetainNll: { } retain } ? [done.Loss, forget, retain] : [done.Loss];
    }

    public void Dispose()
    {
        states?.Dispose();
        step.Dispose();
    }

    private Tensor Below()
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        Tensor hidden = model.RunLayers(model.Embed(batch.Packed), batch.Packed, 0, Request.First);
        using TensorScope outside = TensorScope.Outside();
        return hidden.Clone();
    }
}
