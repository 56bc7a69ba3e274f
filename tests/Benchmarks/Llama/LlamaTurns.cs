using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;

namespace Hybrid.Benchmarks.Llama;

/// <summary>The turns that both sides take at one piece of work, and the comparison of what they computed.</summary>
internal sealed class LlamaTurns(LlamaBench bench, LlamaCase work, LlamaVariant variant)
{
    /// <summary>Turns of each side where the other must end first: every one costs a start.</summary>
    private const int TurnsApart = 2;

    private readonly LlamaSide theirs = bench.Theirs!;
    private readonly JsonObject load = bench.Load(work.Layers);

    /// <summary>Measures. Apart, one side's process has ended before the other's starts: ours, the peer, ours, the peer.</summary>
    public Comparison Run(bool apart)
    {
        int turns = apart ? TurnsApart : bench.Rounds, runs = apart ? (bench.Rounds + TurnsApart - 1) / TurnsApart : 1;
        bench.Ours.Renew(); // it may have done the same beside another variant
        var a = new List<double>();
        var b = new List<double>();
        for (int turn = 0; turn < turns; turn++)
        {
            a.AddRange(Take(bench.Ours, theirs, work.Ours, runs, apart));
            double[][] computed = [.. bench.Ours.Values];
            b.AddRange(Take(theirs, bench.Ours, variant.Request, runs, apart));
            if (apart || turn == turns - 1)
            {
                Agree(computed, theirs.Values);
            }
        }

        return new Comparison([.. a], [.. b]);
    }

    private double[] Take(LlamaSide side, LlamaSide other, JsonObject request, int runs, bool apart)
    {
        if (apart)
        {
            other.End();
        }

        side.Prepare(load, request);
        bool ours = ReferenceEquals(side, bench.Ours);
        bench.TellMemory(work.Name, ours ? "ours" : variant.Label, side.PeakBytes, ours ? work.PlannedBytes : null);
        return [.. Enumerable.Range(0, runs).Select(_ => side.Run(request)).ToArray()];
    }

    /// <summary>Both sides began with the same weights and did the same in each run.</summary>
    private void Agree(IReadOnlyList<double[]> ours, IReadOnlyList<double[]> others)
    {
        double[] apart = [.. ours.Zip(others, work.Difference.Of)];
        bool agree = Within("first run", apart[..1], work.Tolerance) & Within($"widest of {apart.Length - 1} later runs", apart[1..], work.LaterTolerance);
        if (!agree)
        {
            bench.Failures.Add($"{work.Name}, {variant.Label}: the sides DISAGREE; ours {Show(ours[0])}, theirs {Show(others[0])} in the first run; ours {Show(ours[^1])}, theirs {Show(others[^1])} in the last");
            bench.Say(bench.Failures[^1]);
        }
    }

    private bool Within(string runs, IEnumerable<double> apart, double? tolerance)
    {
        double widest = apart.Max();
        string limit = tolerance is { } most ? $"at most {most:0.0e0} allowed" : "told only";
        bench.Facts.Add(new($"{work.Name}, {variant.Label}, {work.Difference.Name}, {runs}", $"{widest:0.0e0} ({limit})"));
        return widest <= (tolerance ?? double.PositiveInfinity);
    }

    private static string Show(double[] values) => string.Join(" ", values.Take(4).Select(value => value.ToString("G6", CultureInfo.InvariantCulture)));
}
