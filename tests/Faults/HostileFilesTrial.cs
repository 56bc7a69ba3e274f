using System.Collections.Concurrent;
using Hybrid.Faults.Hostile;
using Hybrid.Orchestrator;

namespace Hybrid.Faults;

/// <summary>
/// Broken files for every managed reader. What was kept under tests/assets/hostile is broken further, beside sound files. With
/// <c>HYBRID_HOSTILE_KEEP</c> set to a folder, one input for every outcome of its own is written there.
/// </summary>
internal sealed class HostileFilesTrial : ITrial
{
    private const int Inputs = 100_000;

    /// <inheritdoc/>
    public string Name => "hostile-files";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        var random = new SeededRandom(surroundings.Seed);
        int times = surroundings.Times(Inputs);
        ConcurrentDictionary<ReaderKind, Campaign> campaigns = [];
        Parallel.ForEach(ReaderKinds.All, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, kind =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(surroundings.Scratch, kind.Name)).FullName;
            string kept = Path.Combine(surroundings.Repository, "tests/assets/hostile", kind.Name);
            byte[][] inputs = Directory.Exists(kept) ? [.. Directory.GetFiles(kept).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)] : [];
            campaigns[kind] = Campaign.Run(kind, folder, random.Fork(kind.Name), times, inputs);
            surroundings.Tell($"{kind.Name}: {times:N0} inputs, {campaigns[kind].Interesting.Count} outcomes");
        });
        foreach (ReaderKind kind in ReaderKinds.All)
        {
            Campaign campaign = campaigns[kind];
            yield return new(
                kind.File,
                campaign.Read + campaign.Refused,
                $"{campaign.Read:N0} read, {campaign.Refused:N0} refused on one line ({campaign.Interesting.Count} ways), at most {campaign.MostBytes / 1e6:F1} MB"
                    + string.Concat(campaign.Faults.Select(fault => $"; {fault.Fault} [{Convert.ToBase64String(fault.Input.AsSpan(0, Math.Min(fault.Input.Length, 3000)))}]")),
                campaign.Faults.Count == 0);
        }
    }
}
