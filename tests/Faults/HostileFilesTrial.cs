using System.Collections.Concurrent;
using System.Security.Cryptography;
using Hybrid.Faults.Hostile;
using Hybrid.Orchestrator;

namespace Hybrid.Faults;

/// <summary>
/// Broken files for every managed reader. What was kept under tests/assets/hostile is broken further, beside sound files. With
/// <c>HYBRID_HOSTILE_KEEP</c> set to a folder, the shortest inputs with an outcome of their own are written there, a folder a kind.
/// </summary>
internal sealed class HostileFilesTrial : ITrial
{
    private const int Inputs = 200_000;
    private const int KeptOfKind = 40;
    private const int LongestKept = 3000;

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
            Keep(Environment.GetEnvironmentVariable("HYBRID_HOSTILE_KEEP"), kind, campaigns[kind]);
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

    private static void Keep(string? root, ReaderKind kind, Campaign campaign)
    {
        if (root is null)
        {
            return;
        }

        string folder = Directory.CreateDirectory(Path.Combine(root, kind.Name)).FullName;
        foreach (byte[] input in campaign.Interesting.Where(input => input.Length <= LongestKept).OrderBy(input => input.Length).Take(KeptOfKind))
        {
            File.WriteAllBytes(Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(input))[..16]), input);
        }
    }
}
