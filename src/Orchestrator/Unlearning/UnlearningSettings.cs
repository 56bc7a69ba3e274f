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

    /// <summary>Options of gradient difference; needed where it is the method, absent otherwise.</summary>
    public GradientDifferenceOptions? Gd { get; init; }

    /// <summary>Options of KUnBR; needed where it is the method, absent otherwise.</summary>
    public KUnBROptions? Kunbr { get; init; }

    /// <summary>The method with its options.</summary>
    /// <exception cref="HybridException">Config: the method's options are missing.</exception>
    public IUnlearningMethod CreateMethod() => (Method, Gd, Kunbr) switch
    {
        (MethodKind.Gd, { } options, _) => new GradientDifference(options),
        (MethodKind.Kunbr, _, { } options) => new KUnBR(options),
        _ => throw new HybridException(ErrorKind.Config, $"the options of method '{MethodName}' are missing"),
    };

    /// <summary>The same with another α and learning rate.</summary>
    public UnlearningSettings WithGridPoint(double retainCoefficient, double learningRate)
    {
        return this with
        {
            Gd = Gd is null ? null : At(Gd),
            Kunbr = Kunbr is null ? null : Kunbr with { PreUnlearning = At(Kunbr.PreUnlearning) },
        };

        GradientDifferenceOptions At(GradientDifferenceOptions options) => options with
        {
            RetainCoefficient = retainCoefficient,
            Optimizer = options.Optimizer with { LearningRate = learningRate },
        };
    }

    /// <summary>The method's name in configurations, and that of the section with its options.</summary>
    public string MethodName => Method.ToString().ToLowerInvariant();

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaximumTokens < 2)
        {
            yield return $"maximum tokens {MaximumTokens} must be at least 2";
        }

        if (Method != MethodKind.Gd && Gd is not null || Method != MethodKind.Kunbr && Kunbr is not null)
        {
            yield return $"options of another method stand beside method '{MethodName}'";
        }

        IEnumerable<string> problems = Method switch
        {
            MethodKind.Gd => Gd?.Validate() ?? ["section 'gd' is missing"],
            MethodKind.Kunbr => Kunbr?.Validate() ?? ["section 'kunbr' is missing"],
            _ => [$"unknown method {Method}"],
        };
        foreach (string problem in problems)
        {
            yield return problem;
        }
    }
}
