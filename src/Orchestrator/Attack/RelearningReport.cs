using System.Globalization;
using Hybrid.Orchestrator.Evaluation;

namespace Hybrid.Orchestrator.Attack;

/// <summary>The outcome of an attack by training: curves by fold and learning rate, in any order.</summary>
/// <param name="Curves">Every fold at every rate.</param>
/// <param name="Folds">The folds.</param>
/// <exception cref="HybridException">Config: the rates were not tried on the same folds, or the curves of a fold are of different questions.
/// Diverged: at every rate a fold diverged, so there is nothing that the attacker could have used.</exception>
public sealed record RelearningReport(IReadOnlyList<RelearningCurve> Curves, IReadOnlyList<FoldFacts> Folds)
{
    /// <summary>Every fold at every rate.</summary>
    public IReadOnlyList<RelearningCurve> Curves { get; init; } = Checked(Curves);

    /// <summary>A_RTT: the largest, over learning rates and epochs, of the mean over folds; the attacker's best. Counts from the first epoch.</summary>
    public double Accuracy => Means().SelectMany(mean => mean.Accuracies.Skip(1)).Max();

    /// <summary>The largest over learning rates of the mean over folds after the last epoch; rates that diverged on the way have none.</summary>
    public double LastEpochAccuracy
    {
        get
        {
            int last = Means().Max(mean => mean.Accuracies.Count);
            return Means().Where(mean => mean.Accuracies.Count == last).Max(mean => mean.Accuracies[^1]);
        }
    }

    /// <summary>The learning rate at which <see cref="Accuracy"/> is reached; the smallest of equals.</summary>
    public double BestLearningRate => Best().LearningRate;

    /// <summary>The epoch, from 1, at which <see cref="Accuracy"/> is reached at <see cref="BestLearningRate"/>; the first of equals.</summary>
    public int BestEpoch => Best().Epoch;

    /// <summary>A_Unlearn on the questions that the attack is measured on: the mean over folds of the accuracy on V before any step.</summary>
    public double AccuracyBefore => Means()[0].Accuracies[0];

    /// <summary>A_RTT − A_Unlearn: what the attack brought back. (The paper's equation 6 has the sign turned; its tables do not.)</summary>
    public double Recovery => Accuracy - AccuracyBefore;

    /// <summary>
    /// Mean over folds of the accuracy by epoch, for each rate, smallest rate first. Where a fold diverged, its rate's means end with the last
    /// epoch that every fold came through.
    /// </summary>
    public IReadOnlyList<(double LearningRate, IReadOnlyList<double> Accuracies)> Means() =>
    [
        .. Curves.GroupBy(curve => curve.LearningRate).OrderBy(group => group.Key).Select(group =>
        {
            IReadOnlyList<double>[] folds = [.. group.Select(curve => curve.Accuracies)];
            IReadOnlyList<double> means = [.. Enumerable.Range(0, folds.Min(fold => fold.Count)).Select(epoch => folds.Average(fold => fold[epoch]))];
            return (group.Key, means);
        }),
    ];

    /// <summary>(A_RTT − A_Unlearn) / (A_original − A_Unlearn): the share of what was forgotten that came back; NaN where nothing was forgotten.</summary>
    /// <param name="original">Accuracy of the original model on the same questions, mean over the same folds.</param>
    public double RecoveryRate(double original) => original > AccuracyBefore
        ? Recovery / (original - AccuracyBefore)
        : double.NaN;

    /// <summary>
    /// The bootstrap interval of <see cref="Accuracy"/>: questions are drawn anew within each fold, at the best rate and epoch, which stay as
    /// they are. It does not speak of the luck in choosing these two.
    /// </summary>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws.</param>
    /// <param name="random">Where the draws come from.</param>
    public (double Low, double High) Interval(double level, int resamples, SeededRandom random)
    {
        (double rate, int epoch) = Best();
        bool[][] folds = [.. Curves.Where(curve => curve.LearningRate == rate).OrderBy(curve => curve.Fold).Select(curve => HitString.Parse(curve.Hits[epoch]))];
        return Bootstrap.Interval(folds, level, resamples, random);
    }

    private (double LearningRate, int Epoch) Best()
    {
        double best = Accuracy;
        return Means()
            .SelectMany(mean => mean.Accuracies.Select((accuracy, epoch) => (mean.LearningRate, Epoch: epoch, accuracy)))
            .Where(point => point.Epoch > 0 && point.accuracy == best)
            .Select(point => (point.LearningRate, point.Epoch))
            .First();
    }

    /// <summary>Curves may have been read back from files: a mean over the wrong ones must not pass for a result.</summary>
    private static IReadOnlyList<RelearningCurve> Checked(IReadOnlyList<RelearningCurve> curves)
    {
        if (curves.Count == 0)
        {
            throw new HybridException(ErrorKind.Config, "attack: there is no curve; expected one for each fold and learning rate");
        }

        int[] folds = [.. curves.Select(curve => curve.Fold).Distinct().Order()];
        IGrouping<double, RelearningCurve>[] rates = [.. curves.GroupBy(curve => curve.LearningRate)];
        foreach (IGrouping<double, RelearningCurve> rate in rates)
        {
            int[] found = [.. rate.Select(curve => curve.Fold).Order()];
            if (!found.SequenceEqual(folds))
            {
                throw new HybridException(
                    ErrorKind.Config, $"attack: rate {Text(rate.Key)} has curves of folds {string.Join(", ", found)}; expected one each of {string.Join(", ", folds)}");
            }
        }

        int states = curves.Max(curve => curve.Hits.Count);
        foreach (RelearningCurve curve in curves)
        {
            if (curve.Hits.Count == 0 || (curve.Hits.Count < states && curve.Diverged is null))
            {
                throw new HybridException(
                    ErrorKind.Config, $"attack: fold {curve.Fold} at rate {Text(curve.LearningRate)} has hits of {curve.Hits.Count} states and did not diverge; expected {states}, before and after each epoch");
            }

            int questions = curves.First(other => other.Fold == curve.Fold).Hits[0].Length;
            if (curve.Hits.FirstOrDefault(hits => HitString.Parse(hits).Length != questions) is { } other)
            {
                throw new HybridException(ErrorKind.Config, $"attack: fold {curve.Fold} at rate {Text(curve.LearningRate)} has hits of {other.Length} questions; expected {questions}");
            }
        }

        return rates.All(rate => rate.Any(curve => curve.Diverged is not null))
            ? throw new HybridException(ErrorKind.Diverged, $"every learning rate diverged; the first: {curves.First(curve => curve.Diverged is not null).Diverged}")
            : curves;

        static string Text(double rate) => rate.ToString("0.###e+0", CultureInfo.InvariantCulture);
    }
}
