namespace Hybrid.Orchestrator.Attack;

/// <summary>One fold attacked at one learning rate.</summary>
/// <param name="Fold">Index of the held-out split.</param>
/// <param name="LearningRate">The rate.</param>
/// <param name="Accuracies">Accuracy on V: before any step, then after each epoch.</param>
public sealed record RelearningCurve(int Fold, double LearningRate, IReadOnlyList<double> Accuracies);

/// <summary>What a fold consisted of.</summary>
/// <param name="Fold">Index of the held-out split.</param>
/// <param name="HeldOutSplit">Its name.</param>
/// <param name="Train">Questions in T.</param>
/// <param name="Validation">Questions in V.</param>
/// <param name="LeftOut">Questions of the split that were left out of V because they stand in T too.</param>
public sealed record FoldFacts(int Fold, string HeldOutSplit, int Train, int Validation, int LeftOut);

/// <summary>The outcome of the RTT attack.</summary>
/// <param name="Curves">Every fold at every rate.</param>
/// <param name="Folds">The folds.</param>
public sealed record RelearningReport(IReadOnlyList<RelearningCurve> Curves, IReadOnlyList<FoldFacts> Folds)
{
    /// <summary>A_RTT: the largest, over learning rates and epochs, of the mean over folds; the attacker's best. Counts from the first epoch.</summary>
    public double Accuracy => Means().SelectMany(mean => mean.Accuracies.Skip(1)).Max();

    /// <summary>The largest over learning rates of the mean over folds after the last epoch.</summary>
    public double LastEpochAccuracy => Means().Max(mean => mean.Accuracies[^1]);

    /// <summary>The learning rate at which <see cref="Accuracy"/> is reached; the smallest of equals.</summary>
    public double BestLearningRate => Means().First(mean => mean.Accuracies.Skip(1).Contains(Accuracy)).LearningRate;

    /// <summary>Mean over folds of the accuracy by epoch, for each rate, smallest rate first.</summary>
    public IReadOnlyList<(double LearningRate, IReadOnlyList<double> Accuracies)> Means() =>
    [
        .. Curves.GroupBy(curve => curve.LearningRate).OrderBy(group => group.Key).Select(group =>
        {
            RelearningCurve[] curves = [.. group];
            IReadOnlyList<double> means = [.. Enumerable.Range(0, curves[0].Accuracies.Count).Select(epoch => curves.Average(curve => curve.Accuracies[epoch]))];
            return (group.Key, means);
        }),
    ];

    /// <summary>A_Unlearn on the questions that the attack is measured on: the mean over folds of the accuracy on V before any step.</summary>
    public double AccuracyBefore => Means()[0].Accuracies[0];

    /// <summary>A_RTT − A_Unlearn: what the attack brought back. (The paper's equation 6 has the sign turned; its tables do not.)</summary>
    public double Recovery => Accuracy - AccuracyBefore;

    /// <summary>(A_RTT − A_Unlearn) / (A_original − A_Unlearn): the share of what was forgotten that came back; NaN where nothing was forgotten.</summary>
    /// <param name="original">Accuracy of the original model on the same questions, mean over the same folds.</param>
    public double RecoveryRate(double original) => original > AccuracyBefore
        ? Recovery / (original - AccuracyBefore)
        : double.NaN;
}
