using static System.FormattableString;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>How the next token is chosen among those that the model holds possible.</summary>
internal sealed record SamplingOptions
{
    /// <summary>The likeliest token each time.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0, TopP = 1, Seed = 0 };

    /// <summary>Logits are divided by it before the softmax; 0 takes the likeliest token each time.</summary>
    public required double Temperature { get; init; }

    /// <summary>
    /// Nucleus sampling (Holtzman et al. 2020): drawn is from the fewest likeliest tokens whose probabilities sum to at least this; 1 for all tokens.
    /// </summary>
    public required double TopP { get; init; }

    /// <summary>Where the chance of every prompt comes from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature)))
        {
            yield return Invariant($"temperature {Temperature} must be a number of at least 0");
        }

        if (!(TopP > 0 && TopP <= 1))
        {
            yield return Invariant($"top-p {TopP} must be above 0 and at most 1");
        }
    }
}
