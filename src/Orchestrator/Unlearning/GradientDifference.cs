using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of gradient difference.</summary>
public sealed record GradientDifferenceOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "gd";

    /// <summary>α, the weight of the retain loss.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step; as many retain examples go with them.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() => [.. OptionProblems.Negative("retain coefficient", RetainCoefficient), .. Passes.Validate()];

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Forget, RetainCoefficient > 0 ? examples.Retain : []));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new GradientDifference(this);
}

/// <summary>
/// Gradient difference (Liu, Liu and Stone 2022): L = −NLL(forget) + α NLL(retain), all parameters trained. A forget batch goes with a
/// retain batch of the same size, taken in a cyclic order; both pass through the model as one batch.
/// </summary>
internal sealed class GradientDifference(GradientDifferenceOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        context.Model.SetTrainable(context.Model.Names);
        int steps = Train("unlearn", options, context, ForgetRetainLoop.BatchOrder, context.Model, TokenNll, epoch => context.AfterPass?.Invoke(new UnlearningPass("unlearn", epoch)));
        return new UnlearningOutcome(steps, []);
    }

    /// <summary>
    /// The loop itself, on whatever parameters of <paramref name="model"/> are trainable; KUnBR runs it on one grafted block.
    /// </summary>
    /// <param name="stage">Name for progress and errors.</param>
    /// <param name="options">Options.</param>
    /// <param name="context">Sets, chance, progress and cancellation.</param>
    /// <param name="key">Names the stream of chance: the same key, seed and sets give the same order of batches.</param>
    /// <param name="model">The model to train.</param>
    /// <param name="tokenNll">NLL of the scored tokens [N] of a batch.</param>
    /// <param name="afterEpoch">Told the number of the pass that ended, counted from 1.</param>
    /// <param name="changed">What a checkpoint holds of the model; null for the trainable parameters, where nothing else has changed.</param>
    /// <param name="replayed">Gets the batches of steps that the journal has, and does what else <paramref name="tokenNll"/> would have left behind.</param>
    /// <returns>Steps taken.</returns>
    /// <exception cref="HybridException">EmptySplit: nothing to forget, or nothing to retain where α asks for it. Diverged.</exception>
    internal static int Train(
        string stage,
        GradientDifferenceOptions options,
        UnlearningContext context,
        string key,
        LlamaModel model,
        Func<LlamaModel, ForgetRetainBatch, Tensor> tokenNll,
        Action<int>? afterEpoch = null,
        Func<IEnumerable<KeyValuePair<string, Tensor>>>? changed = null,
        Action<ForgetRetainBatch>? replayed = null)
    {
        var loop = new ForgetRetainLoop
        {
            Stage = stage,
            Context = context,
            Model = model,
            RandomKey = key,
            Epochs = options.Epochs,
            BatchSize = options.BatchSize,
            Optimizer = options.Optimizer,
            NeedsRetain = options.RetainCoefficient > 0,
            Changed = changed,
        };
        return loop.Run(
            (forget, retain) =>
            {
                var batch = new ForgetRetainBatch(context, forget, retain);
                return Losses.GradientDifference(tokenNll(model, batch), batch.ForgetTokens, options.RetainCoefficient);
            },
            afterEpoch,
            (forget, retain) => replayed?.Invoke(new ForgetRetainBatch(context, forget, retain)));
    }

    /// <summary>NLL of the batch's scored tokens [N], from the whole model.</summary>
    internal static Tensor TokenNll(LlamaModel model, ForgetRetainBatch batch) => Losses.TokenNll(model, batch.Packed);
}
