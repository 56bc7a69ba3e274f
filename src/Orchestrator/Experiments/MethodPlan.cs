using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>One row of an experiment: a method, or a variant of one, and the settings of it that are tried.</summary>
public sealed record MethodPlan
{
    /// <summary>What tables call it.</summary>
    public required string Label { get; init; }

    /// <summary>The settings without the grid.</summary>
    public required UnlearningSettings Settings { get; init; }

    /// <summary>Values to try, by the setting's key (<c>retain-coefficient</c>, <c>optimizer.learning-rate</c>), as written.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<string>> Grid { get; init; }

    /// <summary>Every combination of the grid's values, the last key's changing fastest; the settings themselves where there is no grid.</summary>
    public required IReadOnlyList<Candidate> Candidates { get; init; }

    /// <summary>The label as a part of file names: small letters, digits and hyphens.</summary>
    public string Slug => string.Join('-', Words(Label));

    private static IEnumerable<string> Words(string label) =>
        new string([.. label.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>One setting of a method.</summary>
/// <param name="Point">The grid's keys with this setting's values.</param>
/// <param name="Settings">The settings with these values in place.</param>
public sealed record Candidate(IReadOnlyDictionary<string, string> Point, UnlearningSettings Settings);
