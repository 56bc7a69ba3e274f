using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>Ten questions whose right letters are known: of the first two splits A, B and A, A; of the retain questions A, A, A, B.</summary>
internal sealed record FixedQuestions(string Version = "1") : IDatasetProvider
{
    public string Name => "fixed-questions";

    public UnlearningDataset Load(DatasetRequest request)
    {
        int[][] answers = [[0, 1], [0, 0], [2, 3], [1, 1], [3, 2]];
        MultipleChoiceQuestion[] retain = [.. new[] { 0, 0, 0, 1 }.Select((answer, i) => Ask($"What is kept at {i}?", answer))];
        return new UnlearningDataset
        {
            Name = Name,
            ForgetSplits = [.. answers.Select((split, s) => new QuestionSplit { Name = $"fixed_{s}", Questions = [.. split.Select((answer, i) => Ask($"What is lost at {s}, {i}?", answer))] })],
            ForgetText = TextCorpus.Of(["It is lost."]),
            WrongText = TextCorpus.Absent("there are no wrong texts"),
            RetainText = TextCorpus.Of(["It is kept."]),
            RetainQuestions = retain,
            DevQuestions = [],
        };
    }

    private static MultipleChoiceQuestion Ask(string question, int answer) => new() { Question = question, Choices = ["one", "two", "three", "four"], Answer = answer };
}

/// <summary>Layers, and a hundredth for each forget question.</summary>
internal sealed record CountedMetric(string Version = "1") : IModelMetric
{
    public string Name => "counted";

    public double Measure(MeasuredModel model, CancellationToken cancellation) => model.Model.Config.Layers + (model.Dataset.ForgetQuestions.Count() / 100.0);
}

/// <summary>Makes a model's output matrix zero: all letters are equally likely then, and the first one is taken.</summary>
internal static class ZeroHead
{
    public static void Of(LlamaModel model)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        model.Head.CopyFrom(0 * model.Head);
    }
}

/// <summary>Sets the attacked model's output matrix to zero.</summary>
internal sealed record ZeroHeadAttack(string Version = "1") : IModelAttack
{
    public string Name => "zero-head";

    public void Attack(AttackTarget target) => ZeroHead.Of(target.Model);
}

/// <summary>"Unlearns" the same way.</summary>
public sealed record ZeroHeadOptions : IMethodOptions
{
    /// <summary>Steps that it says it takes.</summary>
    public required int SaidSteps { get; init; }

    /// <summary>Whether it fails instead.</summary>
    public bool Fails { get; init; }

    public string Method => "zero-head";

    public IEnumerable<string> Validate() => SaidSteps < 0 ? ["said steps must not be negative"] : [];

    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) => [];

    public IUnlearningMethod CreateMethod() => new Setting(this);

    private sealed class Setting(ZeroHeadOptions options) : IUnlearningMethod
    {
        public int CountSteps(int forgetExamples, int retainExamples) => options.SaidSteps;

        public UnlearningOutcome Run(UnlearningContext context)
        {
            if (options.Fails)
            {
                throw new InvalidTimeZoneException("the method's own");
            }

            ZeroHead.Of(context.Model);
            context.AfterPass?.Invoke(new UnlearningPass(options.Method, 1));
            return new UnlearningOutcome(options.SaidSteps, []);
        }
    }
}
