using Hybrid.Interop;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>Chooses the next token of several sequences from their logits.</summary>
internal sealed class TokenSampler(SamplingOptions options)
{
    /// <summary>Tokens less likely than this are sorted only where the others do not suffice; then the bound falls by as much again, and at last to 0.</summary>
    private const double LeastProbability = 1e-3, SmallestLeast = 1e-6;

    /// <summary>A token for each row of the logits.</summary>
    /// <param name="logits">[B,V], of any floating-point type.</param>
    /// <param name="randoms">The chance of each row, [B]; one number is drawn from each unless the temperature is 0.</param>
    /// <exception cref="HybridException">Diverged: a logit is no finite number.</exception>
    public int[] Next(Tensor logits, IReadOnlyList<SeededRandom> randoms)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        if (!double.IsFinite(logits.AbsMax().Item()))
        {
            throw new HybridException(ErrorKind.Diverged, "the model decodes with logits that are not numbers");
        }

        if (options.Temperature == 0)
        {
            return [.. logits.ArgMax(1).ToArray<long>().Select(id => (int)id)];
        }

        double[] values = logits.ToDoubles();
        int width = values.Length / randoms.Count;
        return [.. randoms.Select((random, row) => Draw(Nucleus(values.AsSpan(row * width, width)), random))];
    }

    /// <summary>
    /// The tokens that may be drawn, with their probabilities among all: by their ids where that is every token, else likeliest first and
    /// of equals the lower id.
    /// </summary>
    internal (int Id, double Probability)[] Nucleus(ReadOnlySpan<double> logits)
    {
        double largest = double.NegativeInfinity, total = 0;
        foreach (double logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        var tokens = new (int Id, double Probability)[logits.Length];
        for (int id = 0; id < tokens.Length; id++)
        {
            tokens[id] = (id, Math.Exp((logits[id] - largest) / options.Temperature));
            total += tokens[id].Probability;
        }

        for (int id = 0; id < tokens.Length; id++)
        {
            tokens[id].Probability /= total;
        }

        if (options.TopP == 1)
        {
            return tokens; // the order is of no use, and a large vocabulary takes long to sort
        }

        // A whole vocabulary takes long to sort, and the few likely tokens, which come first in any case, are usually enough.
        for (double least = LeastProbability; ; least = least > SmallestLeast ? least * LeastProbability : 0)
        {
            (int Id, double Probability)[] likely = Array.FindAll(tokens, token => token.Probability >= least);
            Array.Sort(likely, (a, b) => a.Probability != b.Probability ? b.Probability.CompareTo(a.Probability) : a.Id.CompareTo(b.Id));
            int count = 0;
            double sum = 0;
            for (; sum < options.TopP && count < likely.Length; count++)
            {
                sum += likely[count].Probability;
            }

            if (sum >= options.TopP || least == 0)
            {
                return likely[..count];
            }
        }
    }

    private static int Draw((int Id, double Probability)[] tokens, SeededRandom random)
    {
        double rest = random.NextDouble() * tokens.Sum(token => token.Probability);
        foreach ((int id, double probability) in tokens)
        {
            rest -= probability;
            if (rest < 0)
            {
                return id;
            }
        }

        return tokens.Last(token => token.Probability > 0).Id; // rounding left something over
    }
}
