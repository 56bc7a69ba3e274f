namespace Hybrid.Orchestrator.Reporting;

/// <summary>A row of the paper's tables, in percent.</summary>
/// <param name="Label">The method, as the paper calls it.</param>
/// <param name="Forget">Accuracy on the forget questions after unlearning.</param>
/// <param name="Rtt">The same after RTT.</param>
/// <param name="Recovery">The difference as Table 1 prints it; computed from the other two for rows of Table 3, which does not print it.</param>
internal sealed record PaperRow(string Label, double Forget, double Rtt, double Recovery);

/// <summary>What the KUnBR paper (2025) prints for Llama-3-8B-Instruct.</summary>
internal static class PaperFigures
{
    /// <summary>Table 1's row of KUnBR ends Table 3, too.</summary>
    private const string Full = "KUnBR";

    private static readonly Dictionary<string, PaperRow[]> Table1 = new(StringComparer.Ordinal)
    {
        ["random-birthdays"] =
        [
            new("GA", 23.5, 87.2, 63.7), new("GD", 64.9, 80.2, 15.3), new("RMU", 36.3, 88.5, 52.2), new("RIA", 61.7, 73.8, 12.1), new("NPO", 71.3, 78.3, 7.0), new(Full, 36.9, 43.9, 7.0),
        ],
        ["wmdp-deduped"] =
        [
            new("GA", 29.2, 66.8, 37.6), new("GD", 30.5, 62.4, 31.9), new("RMU", 29.9, 64.9, 35.0), new("RIA", 26.2, 52.2, 26.0), new("NPO", 35.6, 58.4, 22.8), new(Full, 29.2, 38.8, 9.6),
        ],
        ["years"] =
        [
            new("GA", 25.9, 50.6, 24.7), new("GD", 25.9, 68.3, 42.4), new("RMU", 24.2, 68.3, 44.1), new("RIA", 18.3, 65.8, 47.5), new("NPO", 26.5, 67.7, 41.2), new(Full, 25.9, 36.0, 10.1),
        ],
        ["mmlu"] =
        [
            new("GA", 24.2, 59.2, 35.0), new("GD", 35.0, 57.6, 22.6), new("RMU", 24.8, 49.0, 24.2), new("RIA", 26.7, 48.4, 21.7), new("NPO", 31.2, 38.8, 7.6), new(Full, 16.5, 28.0, 11.5),
        ],
    };

    private static readonly Dictionary<string, PaperRow[]> Table3 = new(StringComparer.Ordinal)
    {
        ["random-birthdays"] = [Ablation("KUnBR without re-insertion", 64.9, 80.2), Ablation("KUnBR without pre-unlearning", 46.4, 54.1)],
        ["wmdp-deduped"] = [Ablation("KUnBR without re-insertion", 30.5, 62.4), Ablation("KUnBR without pre-unlearning", 29.9, 56.6)],
        ["years"] = [Ablation("KUnBR without re-insertion", 25.9, 68.3), Ablation("KUnBR without pre-unlearning", 25.9, 36.7)],
        ["mmlu"] = [Ablation("KUnBR without re-insertion", 35.0, 57.6), Ablation("KUnBR without pre-unlearning", 36.3, 40.7)],
    };

    /// <summary>The datasets that the paper has.</summary>
    public static IEnumerable<string> Datasets => Table1.Keys;

    /// <summary>Table 1's rows for a dataset; empty for one that the paper does not have.</summary>
    public static IReadOnlyList<PaperRow> Methods(string dataset) => Table1.GetValueOrDefault(dataset) ?? [];

    /// <summary>Table 3's rows for a dataset; empty for one that the paper does not have.</summary>
    public static IReadOnlyList<PaperRow> Ablations(string dataset) =>
        Table3.TryGetValue(dataset, out PaperRow[]? rows) ? [.. rows, .. Table1[dataset].Where(row => row.Label == Full)] : [];

    private static PaperRow Ablation(string label, double forget, double rtt) => new(label, forget, rtt, Math.Round(rtt - forget, 1));
}
