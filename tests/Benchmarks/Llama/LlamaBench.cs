using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;

namespace Hybrid.Benchmarks.Llama;

/// <summary>What the cases share: both sides, the device's measured rates, the time that is left, and where results go.</summary>
internal sealed class LlamaBench : IDisposable
{
    private readonly Stopwatch clock = Stopwatch.StartNew();

    public required LlamaShape Shape { get; init; }

    public required ElementType Type { get; init; }

    public required Device Device { get; init; }

    /// <summary>Where the work lies.</summary>
    public required string Folder { get; init; }

    /// <summary>What lies there.</summary>
    public required LlamaWork Work { get; init; }

    /// <summary>Turns that are counted.</summary>
    public required int Rounds { get; init; }

    /// <summary>No case begins later than so many seconds after the start.</summary>
    public required double LimitSeconds { get; init; }

    /// <summary>What the work takes of the device, and what there is.</summary>
    public required LlamaMemory Memory { get; init; }

    public required LlamaSide Ours { get; init; }

    /// <summary>The peer; null where there is none.</summary>
    public required LlamaSide? Theirs { get; init; }

    /// <summary>What the peer says of itself; empty where there is none.</summary>
    public required JsonObject PeerVersions { get; init; }

    public required Action<string> Say { get; init; }

    public List<Result> Results { get; } = [];

    public List<Fact> Facts { get; } = [];

    /// <summary>What went wrong: sides that disagree, and work that could not be done.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>Operations a second of the fastest product measured.</summary>
    public double PeakRate { get; set; }

    /// <summary>Bytes a second of a copy within the device's memory, read and written.</summary>
    public double Bandwidth { get; set; }

    /// <summary>Goals were set for Llama-3-8B in bfloat16 on a GPU.</summary>
    public bool HasGoals => Shape.Name == "llama3-8b" && Type == ElementType.BFloat16 && Device != Device.Cpu;

    /// <summary>Repeats of a short piece of work, so that a GPU's queue stays full while it is measured.</summary>
    public int Repeats => Device == Device.Cpu ? 1 : 5;

    /// <summary>Writes the case's bound, then measures it, if there is time: our seconds.</summary>
    public double? Compare(LlamaCase work)
    {
        if (!InTime(work.Name))
        {
            return null;
        }

        bool apart = Theirs is not null && work.BytesTogether > Memory.UsableBytes;
        Say($"{work.Name}, {work.Layers} layers, {Type}: the device needs at least {Report.Duration(work.Bound)}{(apart ? "; the sides take turns as processes, since both do not fit" : "")}");
        var measured = new List<(LlamaVariant Variant, Comparison Times)>();
        foreach (LlamaVariant variant in Theirs is null ? [] : work.Theirs)
        {
            if (variant.Compiled && PeerVersions["compiles"]?.GetValue<bool>() != true)
            {
                Facts.Add(new($"{work.Name}, {variant.Label}", $"left out: PyTorch {PeerVersions["torch"]} has no torch.compile"));
                continue;
            }

            try
            {
                measured.Add((variant, new LlamaTurns(this, work, variant).Run(apart)));
            }
            catch (LlamaSideException error) when (ReferenceEquals(error.Side, Theirs) && work.Theirs.Count > 1)
            {
                Facts.Add(new($"{work.Name}, {variant.Label}", $"left out: {error.Message}"));
                Say(error.Message);
            }
        }

        LlamaVariant? best = measured.OrderBy(entry => entry.Times.TheirMedian).Select(entry => entry.Variant).FirstOrDefault();
        foreach ((LlamaVariant variant, Comparison times) in measured)
        {
            Results.Add(new Result(work.Name, $"{Shape.Name}, {work.Layers} layers", Type.ToString(), variant.Label, times, ReferenceEquals(variant, best) ? work.Goal : null, work.Bound));
            Say($"{work.Name}: {Report.Duration(times.OurMedian)}; {variant.Label} {Report.Duration(times.TheirMedian)}, ratio {times.Ratio:0.00}");
        }

        double ours = measured.Count > 0 ? Interleaved.Median(measured.SelectMany(entry => entry.Times.Ours)) : Alone(work.Layers, work.Ours);
        if (Theirs is null)
        {
            TellMemory(work.Name, "ours", Ours.PeakBytes, work.PlannedBytes);
        }

        string theirs = best is null ? "" : $"; {best.Label} {Rate(measured.Single(entry => ReferenceEquals(entry.Variant, best)).Times.TheirMedian)}";
        Facts.Add(new($"{work.Name}, {work.Amount.Unit} a second", $"ours {Rate(ours)}{theirs}"));
        if (Theirs is not null && measured.Count == 0)
        {
            Failures.Add($"{work.Name}: no way of doing it in PyTorch worked");
        }

        return ours;

        string Rate(double seconds) => (work.Amount.Count / seconds).ToString("0.0", CultureInfo.InvariantCulture);
    }

    /// <summary>Our side's seconds of work that is compared with nothing: the median of the turns, after one that is not counted.</summary>
    public double Alone(int layers, JsonObject request)
    {
        Ours.Prepare(Load(layers), request);
        return Interleaved.Median(Enumerable.Range(0, Rounds).Select(_ => Ours.Run(request)).ToArray());
    }

    /// <summary>Notes, once, the most that tensors took from the load to the end of the first run, and how far that is from the plan. A peer on the CPU counts nothing.</summary>
    public void TellMemory(string work, string side, long measured, long? planned)
    {
        string name = $"{work}, most bytes of tensors, {side}";
        if (measured > 0 && !Facts.Any(fact => fact.Name == name))
        {
            string told = $"measured {MemoryFit.Gigabytes(measured)}";
            Facts.Add(new(name, planned is { } plan ? $"planned {MemoryFit.Gigabytes(plan)}, {told}, difference {(((double)plan / measured) - 1).ToString("+0.0%;-0.0%", CultureInfo.InvariantCulture)}" : told));
        }
    }

    /// <summary>The request that makes a side load so many layers.</summary>
    public JsonObject Load(int layers) => new() { ["op"] = "load", ["folder"] = Folder, ["layers"] = layers, ["dtype"] = TypeName };

    /// <summary>The element type as both sides read it.</summary>
    public string TypeName => Type.ToString().ToLowerInvariant();

    /// <summary>Ends both sides, so that a case finds the device empty.</summary>
    public void EndSides()
    {
        Ours.End();
        Theirs?.End();
    }

    /// <summary>Whether there is time for what is named; says so where there is not.</summary>
    public bool InTime(string what)
    {
        bool inTime = clock.Elapsed.TotalSeconds < LimitSeconds;
        if (!inTime)
        {
            Facts.Add(new(what, $"left out: more than {LimitSeconds:0} s had passed"));
            Say($"{what}: left out, the time is up");
        }

        return inTime;
    }

    public void Dispose() => EndSides();
}
