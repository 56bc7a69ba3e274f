using static System.FormattableString;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Checks of single numbers that several methods' options share: no problem, or one line that names the number.</summary>
internal static class OptionProblems
{
    /// <summary>A weight or size that may be 0.</summary>
    public static IEnumerable<string> Negative(string name, double value) => value >= 0 ? [] : [Invariant($"{name} {value} must not be negative")];

    /// <summary>A number that is divided by, or without which nothing happens.</summary>
    public static IEnumerable<string> NotPositive(string name, double value) => value > 0 && double.IsFinite(value) ? [] : [Invariant($"{name} {value} must be positive")];
}
