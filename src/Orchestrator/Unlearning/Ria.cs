using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of RIA.</summary>
public sealed record RiaOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "ria";

    /// <inheritdoc/>
    public ReplacementKind Replacements => ReplacementKind.WrongAnswers;

    /// <summary>α, the weight of the retain loss.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Passes over the wrong answers.</summary>
    public required int Epochs { get; init; }

    /// <summary>Wrong answers a step; as many retain examples go with them.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() => [.. OptionProblems.Negative("retain coefficient", RetainCoefficient), .. Passes.Validate()];

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        Passes.Memory(planner, Passes.LargestBatch(examples.Replacements, RetainCoefficient > 0 ? examples.Retain : []));

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new Ria(this);
}

/// <summary>
/// Random incorrect answers (Deeb and Roger 2025): L = NLL(wrong answer) + α NLL(retain), all parameters trained. The wrong answers are the
/// context's replacements and stand in the forget set's place: a pass, and so the number of steps, is over them. Questions have one each; a
/// dataset's wrong texts may be fewer than its right ones.
/// </summary>
internal sealed class Ria(RiaOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        if (context.Replacements.Count == 0)
        {
            throw new HybridException(ErrorKind.EmptySplit, "ria: there is no wrong answer to teach in the forget set's place");
        }

        UnlearningContext taught = context with { Forget = context.Replacements };
        context.Model.SetTrainable(context.Model.Names);
        return ForgetRetainLoop.OneStage(taught, options.Passes, needsRetain: options.RetainCoefficient > 0).RunStage((wrong, retain) =>
        {
            var batch = new ForgetRetainBatch(taught, wrong, retain);
            Tensor nll = Losses.TokenNll(context.Model, batch.Packed);
            return Losses.WithRetain(batch.Forget(nll).Mean(), null, batch.Retain(nll), options.RetainCoefficient);
        });
    }
}
