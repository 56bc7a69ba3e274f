namespace Hybrid.Orchestrator.Experiments;

/// <summary>A setting with what it is judged by.</summary>
/// <param name="Index">Position among the method's candidates.</param>
/// <param name="Retain">Accuracy on the retain questions after unlearning.</param>
/// <param name="TuningRtt">A_RTT on the tuning folds.</param>
internal sealed record Judged(int Index, double Retain, double TuningRtt);

/// <summary>Picks one setting of a method, by one rule for all methods.</summary>
internal static class Selection
{
    /// <summary>Whether a setting kept the retain accuracy. A billionth of slack keeps a loss of exactly the allowed points allowed.</summary>
    public static bool Keeps(double retain, double retainBefore, double allowedLoss) => retain >= retainBefore - allowedLoss - 1e-9;

    /// <summary>
    /// Of those that kept the retain accuracy, the one with the least A_RTT on the tuning folds; where none did, the one that kept most. Of
    /// equals the one with more retain accuracy, then the first.
    /// </summary>
    /// <param name="candidates">Those that did not diverge, at least one.</param>
    /// <param name="retainBefore">Accuracy of the original model on the retain questions.</param>
    /// <param name="allowedLoss">0.05 is five points.</param>
    public static Judged Pick(IReadOnlyList<Judged> candidates, double retainBefore, double allowedLoss)
    {
        Judged[] kept = [.. candidates.Where(candidate => Keeps(candidate.Retain, retainBefore, allowedLoss))];
        return kept.Length > 0
            ? kept.OrderBy(candidate => candidate.TuningRtt).ThenByDescending(candidate => candidate.Retain).ThenBy(candidate => candidate.Index).First()
            : candidates.OrderByDescending(candidate => candidate.Retain).ThenBy(candidate => candidate.Index).First();
    }
}
