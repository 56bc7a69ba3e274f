using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;

namespace Hybrid.Orchestrator.Attack;

/// <summary>One fold attacked at one learning rate.</summary>
/// <param name="Fold">Index of the held-out split.</param>
/// <param name="LearningRate">The rate.</param>
/// <param name="Hits">Which questions of V were answered rightly, before any step, then after each epoch: a text of '0' and '1' in V's order.</param>
/// <param name="Diverged">Why training ended before its last epoch; null where it did not.</param>
public sealed record RelearningCurve(int Fold, double LearningRate, IReadOnlyList<string> Hits, string? Diverged = null)
{
    /// <summary>Accuracy on V: before any step, then after each epoch.</summary>
    public IReadOnlyList<double> Accuracies => [.. Hits.Select(HitString.Accuracy)];
}

/// <summary>What a fold consisted of.</summary>
/// <param name="Fold">Index of the held-out split.</param>
/// <param name="HeldOutSplit">Its name.</param>
/// <param name="Train">Questions in T.</param>
/// <param name="Validation">Questions in V.</param>
/// <param name="LeftOut">Questions of the split that were left out of V because they stand in T too.</param>
public sealed record FoldFacts(int Fold, string HeldOutSplit, int Train, int Validation, int LeftOut)
{
    /// <summary>Of a fold.</summary>
    internal static FoldFacts Of(RelearningFold fold) => new(fold.Index, fold.HeldOutSplit, fold.Train.Count, fold.Validation.Count, fold.LeftOutCount);
}
