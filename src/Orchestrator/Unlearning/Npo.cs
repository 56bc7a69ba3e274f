using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of negative preference optimization.</summary>
public sealed record NpoOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "npo";

    /// <summary>β: the larger, the sooner an example that has moved away from the reference is left alone.</summary>
    public required double Beta { get; init; }

    /// <summary>α, the weight of the retain loss; 0 is the paper's own.</summary>
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
        [.. OptionProblems.NotPositive("beta", Beta), .. OptionProblems.Negative("retain coefficient", RetainCoefficient), .. Passes.Validate()];

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Forget, RetainCoefficient > 0 ? examples.Retain : []));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new Npo(this);
}

/// <summary>
/// Negative preference optimization (Zhang et al. 2024): L = −(2/β) · mean over examples of log σ(β (NLL − reference NLL)) + α NLL(retain),
/// all parameters trained. An example's NLL is the sum over its scored tokens; the reference is the original model, whose NLLs are measured
/// once, before the first step.
/// </summary>
internal sealed class Npo(NpoOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        ForgetRetainLoop loop = ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: options.RetainCoefficient > 0);
        double[] reference = ReferenceNll.Measure(context, context.Forget, options.BatchSize);
        context.Model.SetTrainable(context.Model.Names);
        return loop.RunStage((forget, retain) =>
        {
            var batch = new ForgetRetainBatch(context, forget, retain);
            Tensor nll = Losses.TokenNll(context.Model, batch.Packed);
            Tensor sums = batch.Forget(nll).SegmentSum(batch.ForgetOffsets);                                       // [B]
            Tensor loss = Losses.Npo(sums, ReferenceNll.Of(forget.Select(i => reference[i]), sums), options.Beta);
            return Losses.WithRetain(loss, batch.Forget(nll).Mean(), batch.Retain(nll), options.RetainCoefficient);
        });
    }
}
