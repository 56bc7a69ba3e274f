namespace Hybrid.Orchestrator.Evaluation;

/// <summary>The outcome of a set of multiple-choice questions.</summary>
public sealed class McqResult
{
    private readonly bool[] correct;

    /// <summary>From each question's letter logits and right answer.</summary>
    public McqResult(IReadOnlyList<double[]> letterLogits, IReadOnlyList<int> answers)
    {
        LetterLogits = letterLogits;
        correct = [.. letterLogits.Select((logits, i) => Largest(logits) == answers[i])];
        double[] offsets = [.. Enumerable.Range(0, letterLogits[0].Length).Select(letter => letterLogits.Average(logits => logits[letter]))];
        CalibratedAccuracy = letterLogits
            .Select((logits, i) => Largest([.. logits.Select((logit, letter) => logit - offsets[letter])]) == answers[i])
            .Average(right => right ? 1.0 : 0.0);
    }

    /// <summary>Each question's logits of A, B, C, D.</summary>
    public IReadOnlyList<double[]> LetterLogits { get; }

    /// <summary>Whether each question was answered rightly.</summary>
    public IReadOnlyList<bool> Correct => correct;

    /// <summary>Share of right answers, 0 to 1.</summary>
    public double Accuracy => correct.Average(right => right ? 1.0 : 0.0);

    /// <summary>The same after each letter's mean logit over the set is subtracted: a mere preference for a letter counts for nothing.</summary>
    public double CalibratedAccuracy { get; }

    /// <summary>Number of questions.</summary>
    public int Count => correct.Length;

    /// <summary>The percentile bootstrap interval of the accuracy over questions (Efron 1979).</summary>
    /// <param name="level">For example 0.95.</param>
    /// <param name="resamples">Draws of a set of the same size with replacement.</param>
    /// <param name="random">Where the draws come from.</param>
    public (double Low, double High) BootstrapInterval(double level, int resamples, SeededRandom random) =>
        Bootstrap.Interval([correct], level, resamples, random);

    /// <summary>The position of the largest value, the first of equals; a NaN is an error of the model, not a choice.</summary>
    private static int Largest(double[] logits)
    {
        if (logits.Any(double.IsNaN))
        {
            throw new HybridException(ErrorKind.Diverged, "the model answers with logits that are not numbers");
        }

        return Array.IndexOf(logits, logits.Max());
    }
}
