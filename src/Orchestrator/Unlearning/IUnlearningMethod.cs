using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>A way of making a model forget. One method is one file.</summary>
public interface IUnlearningMethod
{
    /// <summary>Optimizer steps that a run on the given numbers of examples takes.</summary>
    int CountSteps(int forgetExamples, int retainExamples);

    /// <summary>Changes the context's model in place.</summary>
    /// <exception cref="HybridException">Diverged: the loss was not finite; what was trained is as at the start of the last pass that began with a finite loss. EmptySplit: no example. BlockPlan: the model's layers do not fit the options.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the model is whole, as after some step.</exception>
    UnlearningOutcome Run(UnlearningContext context);
}

/// <summary>What a method works on.</summary>
public sealed record UnlearningContext
{
    /// <summary>The model to change. Its parameters' values on entry are the original model.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>The forget set.</summary>
    public required IReadOnlyList<TokenSequence> Forget { get; init; }

    /// <summary>The retain set.</summary>
    public required IReadOnlyList<TokenSequence> Retain { get; init; }

    /// <summary>What is to be said in place of the forget set, for methods that teach it: RIA's wrong answers, DPO's refusals. Empty for others.</summary>
    public IReadOnlyList<TokenSequence> Replacements { get; init; } = [];

    /// <summary>
    /// Whether a method that needs the original model beside the one being unlearned keeps one of them on the host, so that the device holds one
    /// model only. The result is the same.
    /// </summary>
    public bool OriginalOnHost { get; init; }

    /// <summary>The run's source of chance.</summary>
    public required SeededRandom Random { get; init; }

    /// <summary>Told of every step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Called whenever <see cref="Model"/> is whole after a pass over the forget set, or after a re-inserted block has moved back; it may
    /// evaluate the model, not change it.
    /// </summary>
    public Action<UnlearningPass>? AfterPass { get; init; }

    /// <summary>What the run survives its process by; null for nothing. What <see cref="AfterPass"/> asks the model goes through it, too.</summary>
    public RunJournal? Journal { get; init; }

    /// <summary>Stops the run between two steps.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>A pass over the forget set that has ended.</summary>
/// <param name="Stage">What was being done.</param>
/// <param name="Passes">Passes over the forget set so far, in all stages.</param>
public sealed record UnlearningPass(string Stage, int Passes);

/// <summary>What a method reports beside the changed model.</summary>
/// <param name="Steps">Optimizer steps taken.</param>
/// <param name="Rounds">KUnBR's rounds; empty for other methods.</param>
public sealed record UnlearningOutcome(int Steps, IReadOnlyList<ReinsertionRound> Rounds);

/// <summary>One round of re-insertion.</summary>
/// <param name="Density">Normalised knowledge density of every layer, as the round's choice saw it; empty where the strategy ignores it.</param>
/// <param name="Blocks">The blocks that were grafted, in that order.</param>
/// <param name="LayersPerBlock">Layers of a block.</param>
public sealed record ReinsertionRound(IReadOnlyList<double> Density, IReadOnlyList<int> Blocks, int LayersPerBlock);
