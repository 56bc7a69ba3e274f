using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>The methods there are.</summary>
public enum MethodKind
{
    /// <summary>Gradient difference.</summary>
    Gd,

    /// <summary>KUnBR.</summary>
    Kunbr,
}

/// <summary>Everything that an unlearning run depends on beside the model, the data and the seed.</summary>
public sealed record UnlearningSettings
{
    /// <summary>Which method.</summary>
    public required MethodKind Method { get; init; }

    /// <summary>What the forget set is made of.</summary>
    public required ExampleForm ForgetForm { get; init; }

    /// <summary>What the retain set is made of.</summary>
    public required ExampleForm RetainForm { get; init; }

    /// <summary>Longest example, in tokens; a longer one is cut on the left.</summary>
    public required int MaximumTokens { get; init; }

    /// <summary>Gradient difference: the method itself, or KUnBR's pre-unlearning and block training.</summary>
    public required GradientDifferenceOptions GradientDifference { get; init; }

    /// <summary>KUnBR's own options; unused by other methods.</summary>
    public required ReinsertionOptions Reinsertion { get; init; }

    /// <summary>The method with its options.</summary>
    public IUnlearningMethod CreateMethod() => Method switch
    {
        MethodKind.Gd => new GradientDifference(GradientDifference),
        MethodKind.Kunbr => new KUnBR(new KUnBROptions { PreUnlearning = GradientDifference, Reinsertion = Reinsertion }),
        _ => throw new ArgumentOutOfRangeException(nameof(Method), Method, "unknown method"),
    };

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaximumTokens < 2)
        {
            yield return $"maximum tokens {MaximumTokens} must be at least 2";
        }

        foreach (string problem in GradientDifference.Validate().Concat(Method == MethodKind.Kunbr ? Reinsertion.Validate() : []))
        {
            yield return problem;
        }
    }
}
