using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of SimNPO.</summary>
public sealed record SimNpoOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "simnpo";

    /// <summary>β: the larger, the sooner an example of high NLL is left alone.</summary>
    public required double Beta { get; init; }

    /// <summary>γ, the margin: an example counts as forgotten where β times its mean NLL is well above it.</summary>
    public required double Gamma { get; init; }

    /// <summary>α, the weight of the retain loss.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step; as many retain examples go with them where α is not 0.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() =>
    [
        .. OptionProblems.NotPositive("beta", Beta),
        .. OptionProblems.Negative("gamma", Gamma),
        .. OptionProblems.Negative("retain coefficient", RetainCoefficient),
        .. Passes.Validate(),
    ];

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Forget, RetainCoefficient > 0 ? examples.Retain : []));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new SimNpo(this);
}

/// <summary>
/// SimNPO (Fan et al. 2024), negative preference optimization without a reference: L = −(2/β) · mean over examples of
/// log σ(β NLL − γ) + α NLL(retain), an example's NLL being the mean over its scored tokens, so that length has no part. All parameters
/// are trained.
/// </summary>
internal sealed class SimNpo(SimNpoOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        context.Model.SetTrainable(context.Model.Names);
        return ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: options.RetainCoefficient > 0).RunStage((forget, retain) =>
        {
            var batch = new ForgetRetainBatch(context, forget, retain);
            Tensor nll = Losses.TokenNll(context.Model, batch.Packed);
            Tensor loss = Losses.SimNpo(Losses.SequenceMeans(batch.Forget(nll), batch.ForgetOffsets), options.Beta, options.Gamma);
            return Losses.WithRetain(loss, batch.Forget(nll).Mean(), batch.Retain(nll), options.RetainCoefficient);
        });
    }
}
