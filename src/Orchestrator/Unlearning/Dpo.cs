using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of direct preference optimization.</summary>
public sealed record DpoOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "dpo";

    /// <inheritdoc/>
    public ReplacementKind Replacements => ReplacementKind.Refusals;

    /// <summary>β: the larger, the sooner a question whose refusal has won is left alone.</summary>
    public required double Beta { get; init; }

    /// <summary>α, the weight of the retain loss.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step; each has its refusal beside it, and as many retain examples go with them where α is not 0.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() =>
        [.. OptionProblems.NotPositive("beta", Beta), .. OptionProblems.Negative("retain coefficient", RetainCoefficient), .. Passes.Validate()];

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Forget, RetainCoefficient > 0 ? examples.Retain : []) + BatchShape.Largest(examples.Replacements, BatchSize));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new Dpo(this);
}

/// <summary>
/// Direct preference optimization (Rafailov et al. 2023) towards "I don't know" (Maini et al. 2024): the answer to forget loses against a
/// refusal of the same question. L = −(2/β) · mean over examples of log σ(β [(NLL_l − ref_l) − (NLL_w − ref_w)]) + α NLL(retain), l the
/// forget example, w its refusal, NLLs sums over scored tokens, ref the original model's, measured once. The papers have 1 where 2/β stands;
/// with NPO's factor α weighs the same in both methods. All parameters are trained.
/// </summary>
internal sealed class Dpo(DpoOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        ForgetRetainLoop loop = ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: options.RetainCoefficient > 0);
        if (context.Replacements.Count != context.Forget.Count)
        {
            throw new HybridException(ErrorKind.EmptySplit, $"dpo: {context.Forget.Count} forget examples go with {context.Replacements.Count} refusals; every example needs its own");
        }

        double[] lost = ReferenceNll.Measure(context, context.Forget, options.BatchSize), won = ReferenceNll.Measure(context, context.Replacements, options.BatchSize);
        double[] reference = [.. lost.Zip(won, (l, w) => l - w)];
        context.Model.SetTrainable(context.Model.Names);
        return loop.RunStage((forget, retain) =>
        {
            var batch = new ForgetRetainBatch([.. forget.Select(i => context.Forget[i]), .. forget.Select(i => context.Replacements[i])], [.. retain.Select(i => context.Retain[i])]);
            Tensor nll = Losses.TokenNll(context.Model, batch.Packed);
            Tensor sums = batch.Forget(nll).SegmentSum(batch.ForgetOffsets);                                       // [2B]
            Tensor rejected = sums.Narrow(0, 0, forget.Length), preferred = sums.Narrow(0, forget.Length, forget.Length);
            Tensor loss = Losses.Dpo(rejected, preferred, ReferenceNll.Of(forget.Select(i => reference[i]), sums), options.Beta);
            Tensor rejectedTokens = nll.Narrow(0, 0, batch.ForgetOffsets[forget.Length]);
            return Losses.WithRetain(loss, rejectedTokens.Mean(), batch.Retain(nll), options.RetainCoefficient);
        });
    }
}
