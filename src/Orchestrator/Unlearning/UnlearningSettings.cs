using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>The methods there are.</summary>
public enum MethodKind
{
    /// <summary>Gradient ascent.</summary>
    Ga,

    /// <summary>Gradient difference.</summary>
    Gd,

    /// <summary>Representation misdirection.</summary>
    Rmu,

    /// <summary>Random incorrect answers.</summary>
    Ria,

    /// <summary>Negative preference optimization.</summary>
    Npo,

    /// <summary>Negative preference optimization without a reference.</summary>
    Simnpo,

    /// <summary>Direct preference optimization towards refusals.</summary>
    Dpo,

    /// <summary>KUnBR.</summary>
    Kunbr,
}

/// <summary>Everything that an unlearning run depends on beside the model, the data and the seed.</summary>
public sealed record UnlearningSettings
{
    /// <summary>Which method. The section of its name must be there, no other may.</summary>
    public required MethodKind Method { get; init; }

    /// <summary>What the forget set is made of.</summary>
    public required ExampleForm ForgetForm { get; init; }

    /// <summary>What the retain set is made of.</summary>
    public required ExampleForm RetainForm { get; init; }

    /// <summary>Longest example, in tokens; a longer one is cut on the left.</summary>
    public required int MaximumTokens { get; init; }

    /// <summary>Options of gradient ascent.</summary>
    public GradientAscentOptions? Ga { get; init; }

    /// <summary>Options of gradient difference.</summary>
    public GradientDifferenceOptions? Gd { get; init; }

    /// <summary>Options of RMU.</summary>
    public RmuOptions? Rmu { get; init; }

    /// <summary>Options of RIA.</summary>
    public RiaOptions? Ria { get; init; }

    /// <summary>Options of NPO.</summary>
    public NpoOptions? Npo { get; init; }

    /// <summary>Options of SimNPO.</summary>
    public SimNpoOptions? Simnpo { get; init; }

    /// <summary>Options of DPO.</summary>
    public DpoOptions? Dpo { get; init; }

    /// <summary>Options of KUnBR.</summary>
    public KUnBROptions? Kunbr { get; init; }

    /// <summary>The method's name in configurations, and that of the section with its options.</summary>
    public string MethodName => Method.ToString().ToLowerInvariant();

    /// <summary>The section of each method.</summary>
    private (MethodKind Method, IMethodOptions? Options)[] Sections =>
    [
        (MethodKind.Ga, Ga),
        (MethodKind.Gd, Gd),
        (MethodKind.Rmu, Rmu),
        (MethodKind.Ria, Ria),
        (MethodKind.Npo, Npo),
        (MethodKind.Simnpo, Simnpo),
        (MethodKind.Dpo, Dpo),
        (MethodKind.Kunbr, Kunbr),
    ];

    private IMethodOptions? Own => Sections.Single(section => section.Method == Method).Options;

    /// <summary>The method with its options.</summary>
    /// <exception cref="HybridException">Config: the method's options are missing.</exception>
    public IUnlearningMethod CreateMethod() => Own?.CreateMethod() ?? throw new HybridException(ErrorKind.Config, $"the options of method '{MethodName}' are missing");

    /// <summary>Makes sure that a model of this shape has what the settings speak of.</summary>
    /// <exception cref="HybridException">BlockPlan: it has not.</exception>
    public void RequireFits(LlamaConfig model) => Own?.RequireFits(model);

    /// <summary>What each stage of the method takes on these examples.</summary>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples) => Own?.Memory(planner, examples) ?? [];

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaximumTokens < 2)
        {
            yield return $"maximum tokens {MaximumTokens} must be at least 2";
        }

        if (Method == MethodKind.Dpo && ForgetForm == ExampleForm.Corpus)
        {
            yield return "method 'dpo' answers questions with refusals; the forget form must be one of questions, not corpus";
        }

        if (Sections.Any(section => section.Method != Method && section.Options is not null))
        {
            yield return $"options of another method stand beside method '{MethodName}'";
        }

        foreach (string problem in Own?.Validate() ?? [$"section '{MethodName}' is missing"])
        {
            yield return problem;
        }
    }
}
