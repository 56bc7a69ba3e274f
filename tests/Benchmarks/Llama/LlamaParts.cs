using System.Globalization;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>Measured seconds of our side's parts, and what whole runs take by them. A part that was not measured is null.</summary>
internal sealed class LlamaParts
{
    private const double KUnBRGoalMinutes = 5, RttGoalMinutes = 45;

    /// <summary>Layers of the model on which all parameters were trained.</summary>
    public int? LayersMeasured { get; set; }

    /// <summary>A gradient difference step of all parameters, brought to all layers by the operations' ratio.</summary>
    public double? FullStep { get; set; }

    /// <summary>A step of the attack, likewise.</summary>
    public double? AttackStep { get; set; }

    /// <summary>Whether the device has no room for the original beside the model that is unlearned, so that they change places with the host.</summary>
    public bool OriginalOnHost { get; set; }

    /// <summary>A copy of all parameters to the host, brought to all layers by the parameters' ratio.</summary>
    public double? HostCopy { get; set; }

    /// <summary>A step of a grafted block in the middle, the states below it kept.</summary>
    public double? BlockStep { get; set; }

    /// <summary>The block's share of the parameters.</summary>
    public double? BlockShare { get; set; }

    /// <summary>The frozen layers up to the highest block, once for a step's examples.</summary>
    public double? Prefix { get; set; }

    /// <summary>Knowledge density of an example.</summary>
    public double? DensityExample { get; set; }

    /// <summary>A multiple-choice question of a batch.</summary>
    public double? Question { get; set; }

    /// <summary>
    /// Estimates of the whole runs: nothing here was run as a whole. Left out are what takes seconds in all: the copy of the model for each job of RTT, and
    /// the frozen layers for retain examples that a graft draws for the first time.
    /// </summary>
    public IEnumerable<Fact> Estimates(int layers, bool hasGoals)
    {
        KUnBROptions method = WmdpLengths.KUnBR;
        int steps = BatchSampler.StepsPerEpoch(WmdpLengths.ForgetQuestions, method.PreUnlearning.BatchSize);
        int grafts = method.Rounds * method.SelectedBlocks, blockEpochs = grafts * method.EpochsPerBlock;
        yield return Estimate("KUnBR on wmdp-deduped, one round", hasGoals ? KUnBRGoalMinutes : null,
        [
            new("pre-unlearning steps", method.PreUnlearning.Epochs * steps, FullStep),
            new("copies of the model to the host", method.PreUnlearning.Epochs, HostCopy),
            new("examples' density", method.Rounds * WmdpLengths.ForgetQuestions, DensityExample),
            new("batches through the frozen layers", steps, Prefix),
            new("steps of a block", blockEpochs * steps, BlockStep),
            new("copies of a block to the host", blockEpochs, HostCopy * BlockShare),
            .. OriginalOnHost ? Exchanges(method.Rounds, grafts) : [],
        ]);

        RelearningOptions attack = WmdpLengths.Rtt;
        int jobs = attack.Folds.Count * attack.LearningRates.Count;
        yield return Estimate("RTT on wmdp-deduped, every fold and rate", hasGoals ? RttGoalMinutes : null,
        [
            new("steps", jobs * attack.Epochs * BatchSampler.StepsPerEpoch(WmdpLengths.Taught, attack.BatchSize), AttackStep),
            new("questions asked", jobs * (attack.Epochs + 1) * WmdpLengths.HeldOut, Question),
        ]);

        if (LayersMeasured is { } measured && measured < layers)
        {
            yield return new("estimates", $"steps of all parameters were measured on {measured} of {layers} layers and brought to {layers} by the ratio of operations; all {layers} do not fit here");
        }
    }

    /// <summary>The original is copied to the host once; in each round the models change places twice, and each block twice, which is a copy in either direction.</summary>
    private Term[] Exchanges(int rounds, int grafts) =>
    [
        new("copies of a model to or from the host, since both do not fit", 1 + (4 * rounds), HostCopy),
        new("copies of a block to or from the host", 4 * grafts, HostCopy * BlockShare),
    ];

    private static Fact Estimate(string run, double? goalMinutes, IReadOnlyList<Term> terms)
    {
        string name = $"estimate of {run}, extrapolated from measured parts{(goalMinutes is { } goal ? $" (goal: under {goal:0} min)" : "")}";
        string[] missing = [.. terms.Where(term => term.Seconds is null).Select(term => term.What)];
        if (missing.Length > 0)
        {
            return new(name, $"none: not measured: {string.Join(", ", missing)}");
        }

        double total = terms.Sum(term => term.Count * term.Seconds!.Value);
        string sum = string.Join(" + ", terms.Select(term => $"{term.Count} {term.What} × {Report.Duration(term.Seconds!.Value)}"));
        return new(name, $"{(total / 60).ToString("0.0", CultureInfo.InvariantCulture)} min = {sum}");
    }

    /// <summary>So many times something that takes so many seconds.</summary>
    private sealed record Term(string What, int Count, double? Seconds);
}
