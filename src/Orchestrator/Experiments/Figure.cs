using System.Text.Json.Serialization;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>A quantity measured once for each seed.</summary>
/// <param name="PerSeed">Its value for each seed of the experiment, in the seeds' order; a share is 0 to 1.</param>
/// <param name="Low">Lower end of the 95 % bootstrap interval of the mean, over questions; null where it is not a share of questions.</param>
/// <param name="High">Its upper end.</param>
public sealed record Figure(IReadOnlyList<double> PerSeed, double? Low = null, double? High = null)
{
    /// <summary>Mean over seeds.</summary>
    [JsonIgnore]
    public double Mean => PerSeed.Average();

    /// <summary>Standard deviation over seeds (n − 1); null for a single seed.</summary>
    [JsonIgnore]
    public double? StandardDeviation => PerSeed.Count < 2 ? null : Math.Sqrt(PerSeed.Sum(value => (value - Mean) * (value - Mean)) / (PerSeed.Count - 1));
}
