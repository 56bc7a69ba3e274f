using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of gradient ascent.</summary>
public sealed record GradientAscentOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "ga";

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() => Passes.Validate();

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Forget, []));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new GradientAscent(this);
}

/// <summary>
/// Gradient ascent (Jang et al. 2023): L = −NLL(forget), all parameters trained, nothing retained. It is gradient difference with α = 0, bit
/// for bit.
/// </summary>
internal sealed class GradientAscent(GradientAscentOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        context.Model.SetTrainable(context.Model.Names);
        return ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: false).RunStage((forget, _) =>
        {
            Tensor nll = Losses.MeanNll(context.Model, new PackedBatch([.. forget.Select(i => context.Forget[i])]));
            return new ForgetRetainLoss(-nll, nll, null);
        });
    }
}
