using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Hybrid.Orchestrator;

/// <summary>
/// What Hybrid tells of itself through <c>System.Diagnostics</c>: a meter and a source of activities, both called <see cref="Name"/>, which
/// OpenTelemetry picks up with <c>AddMeter</c> and <c>AddSource</c>. Without a listener they cost nothing. docs/embedding.md lists instruments, activities and tags.
/// </summary>
public static class HybridTelemetry
{
    /// <summary>The name of the meter and of the source of activities.</summary>
    public const string Name = "Hybrid";

    private const string StageTag = "hybrid.stage", KindTag = "hybrid.kind", OutcomeTag = "hybrid.outcome";

    private static readonly string Version = typeof(HybridTelemetry).Assembly.GetName().Version!.ToString(3);
    private static readonly ActivitySource Activities = new(Name, Version);
    private static readonly Meter Meter = new(Name, Version);
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("hybrid.training.steps", "{step}", "Optimizer steps.");
    private static readonly Counter<long> Examples = Meter.CreateCounter<long>("hybrid.training.examples", "{example}", "Examples that optimizer steps were taken on; of a forget set's, without the retain examples beside them.");
    private static readonly Histogram<double> StepDuration = Meter.CreateHistogram<double>("hybrid.training.step.duration", "s", "Time of one optimizer step.");
    private static readonly Gauge<double> Loss = Meter.CreateGauge<double>("hybrid.training.loss", "{nat}", "Loss of the latest step.");
    private static readonly UpDownCounter<long> Active = Meter.CreateUpDownCounter<long>("hybrid.work.active", "{item}", "Runs, jobs and calls of sessions that are under way.");
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("hybrid.work.duration", "s", "Time of runs, jobs and calls of sessions that have ended.");

    /// <summary>An optimizer step that began at a time stamp of <see cref="Stopwatch"/>.</summary>
    internal static void Step(string stage, int examples, double loss, long began)
    {
        var tag = new KeyValuePair<string, object?>(StageTag, stage);
        Steps.Add(1, tag);
        Examples.Add(examples, tag);
        StepDuration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, tag);
        Loss.Record(loss, tag);
    }

    /// <summary>Does a piece of work as an activity that tells how it ended.</summary>
    /// <param name="kind">What it is, one of few: <c>run</c>, <c>job</c>, <c>unlearn</c>, …</param>
    /// <param name="id">Which one.</param>
    /// <param name="work">The work.</param>
    internal static T Trace<T>(string kind, string id, Func<T> work)
    {
        using Activity? activity = Activities.StartActivity(kind);
        activity?.SetTag("hybrid.id", id);
        var tag = new KeyValuePair<string, object?>(KindTag, kind);
        long began = Stopwatch.GetTimestamp();
        string outcome = "failed";
        Active.Add(1, tag);
        try
        {
            T result = work();
            outcome = "finished";
            return result;
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        catch (Exception error)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            throw;
        }
        finally
        {
            activity?.SetTag(OutcomeTag, outcome);
            Active.Add(-1, tag);
            Duration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, tag, new(OutcomeTag, outcome));
        }
    }
}
