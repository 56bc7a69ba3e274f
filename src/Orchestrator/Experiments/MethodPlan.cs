using Hybrid.Orchestrator.Runs;
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

    /// <summary>A method with one setting.</summary>
    public static MethodPlan Of(string label, UnlearningSettings settings) => new()
    {
        Label = label,
        Settings = settings,
        Grid = new OrderedDictionary<string, IReadOnlyList<string>>(),
        Candidates = [new Candidate(new OrderedDictionary<string, string>(), settings)],
    };

    /// <summary>The same with values of one more setting to try, each with every combination of the others'.</summary>
    /// <param name="key">The setting's key: <c>retain-coefficient</c>, <c>optimizer.learning-rate</c>.</param>
    /// <param name="values">Numbers, truth values or enumeration values, none twice.</param>
    /// <exception cref="ArgumentException">No value, one twice, or a key that the grid has.</exception>
    /// <exception cref="HybridException">Config: the method has no such setting, or a value has no meaning.</exception>
    public MethodPlan WithGrid(string key, params IReadOnlyList<object> values)
    {
        string[] texts = [.. values.Select(SettingsOverride.TextOf)];
        if (texts.Length == 0 || texts.Distinct().Count() < texts.Length || Grid.ContainsKey(key))
        {
            throw new ArgumentException($"'{key}': expected at least one value, none twice, and a key that the grid does not have yet", nameof(values));
        }

        return this with
        {
            Grid = new OrderedDictionary<string, IReadOnlyList<string>>(Grid) { { key, texts } },
            Candidates =
            [
                .. Candidates.SelectMany(candidate => values.Select((value, v) =>
                    new Candidate(new OrderedDictionary<string, string>(candidate.Point) { { key, texts[v] } }, candidate.Settings.With(key, value)))),
            ],
        };
    }

    /// <summary>The label as a part of file names: small letters, digits and hyphens.</summary>
    internal string Slug => string.Join('-', Words(Label));

    private static IEnumerable<string> Words(string label) =>
        new string([.. label.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>One setting of a method.</summary>
/// <param name="Point">The grid's keys with this setting's values.</param>
/// <param name="Settings">The settings with these values in place.</param>
public sealed record Candidate(IReadOnlyDictionary<string, string> Point, UnlearningSettings Settings);
