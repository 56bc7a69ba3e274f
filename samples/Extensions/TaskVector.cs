using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Samples.Extensions;

/// <summary>Options of task vector negation: the keys of the section <c>task-vector</c>.</summary>
public sealed record TaskVectorOptions : IMethodOptions
{
    /// <summary>λ: how far to go against the task vector.</summary>
    public required double Scale { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    public string Method => "task-vector";

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    public IEnumerable<string> Validate() => Scale > 0 ? Passes.Validate() : [FormattableString.Invariant($"scale {Scale} must be positive"), .. Passes.Validate()];

    // The loop's own memory, and the original beside it.
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) =>
        [planner.TrainWhole("learn the task vector", Optimizer, Passes.LargestBatch(examples.Forget, []), secondModel: true)];

    public IUnlearningMethod CreateMethod() => new TaskVector(this);
}

/// <summary>
/// Task vector negation (Ilharco et al. 2023): fine-tune on what is to be forgotten, θ', and go the other way, θ − λ (θ' − θ).
/// </summary>
public sealed class TaskVector(TaskVectorOptions options) : IUnlearningMethod
{
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    public UnlearningOutcome Run(UnlearningContext context)
    {
        using LlamaModel original = context.Model.Clone();
        context.Model.SetTrainable(context.Model.Names);
        var loop = ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: false);
        int steps = loop.Run((forget, _) =>
        {
            Tensor nll = Losses.MeanNll(context.Model, new PackedBatch([.. forget.Select(i => context.Forget[i])]));
            return new ForgetRetainLoss(nll, nll, null);
        });

        foreach (string name in context.Model.Names)
        {
            using TensorScope scope = TensorScope.Begin();
            using GradMode off = GradMode.Off();
            Tensor before = original[name], learnt = context.Model[name];
            learnt.CopyFrom(before - (options.Scale * (learnt - before)));
        }

        context.AfterPass?.Invoke(new UnlearningPass(Method, options.Epochs));
        return new UnlearningOutcome(steps, []);
    }

    private string Method => options.Method;
}
