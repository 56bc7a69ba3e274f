using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Everything that an unlearning run depends on beside the model, the data and the seed.</summary>
public sealed record UnlearningSettings
{
    /// <summary>What the forget set is made of.</summary>
    public required ExampleForm ForgetForm { get; init; }

    /// <summary>What the retain set is made of.</summary>
    public required ExampleForm RetainForm { get; init; }

    /// <summary>Longest example, in tokens; a longer one is cut on the left.</summary>
    public required int MaximumTokens { get; init; }

    /// <summary>The method, as its options: in a configuration the section of the method's name.</summary>
    public required IMethodOptions Options { get; init; }

    /// <summary>The method's name in configurations, and that of the section with its options.</summary>
    public string MethodName => Options.Method;

    /// <summary>The method with its options.</summary>
    public IUnlearningMethod CreateMethod() => Options.CreateMethod();

    /// <summary>Makes sure that a model of this shape has what the settings speak of.</summary>
    /// <exception cref="HybridException">BlockPlan: it has not.</exception>
    public void RequireFits(LlamaConfig model) => Options.RequireFits(model);

    /// <summary>What each stage of the method takes on these examples.</summary>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) => Options.Memory(planner, examples);

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaximumTokens < 2)
        {
            yield return Invariant($"maximum tokens {MaximumTokens} must be at least 2");
        }

        if (Options.Replacements == ReplacementKind.Refusals && ForgetForm == ExampleForm.Corpus)
        {
            yield return $"method '{MethodName}' answers questions with refusals; the forget form must be one of questions, not corpus";
        }

        foreach (string problem in Options.Validate())
        {
            yield return problem;
        }
    }
}
