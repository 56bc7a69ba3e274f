using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Every setting that was tried.</summary>
internal static class CandidatesSection
{
    public static ReportSection? Of(ExperimentReport report)
    {
        int count = report.Methods.Sum(method => method.Candidates.Count);
        return count == 0 ? null : new ReportSection("candidates", "Settings that were tried", string.Empty, [new Fold($"All {count}", [Table(report)])]);
    }

    /// <summary>A point of a grid in words.</summary>
    public static string Point(IReadOnlyDictionary<string, string> point) => point.Count == 0 ? "–" : string.Join(", ", point.Select(pair => $"{pair.Key} {pair.Value}"));

    private static ReportTable Table(ExperimentReport report) => new()
    {
        Name = "candidates",
        Caption = "Settings that were tried",
        Columns =
        [
            ReportColumn.OfText("Method", "method"), ReportColumn.OfText("Seed", "seed"), ReportColumn.OfText("Setting", "setting"), ReportColumn.OfNumber("Forget, %", "forget"),
            ReportColumn.OfNumber("Retain, %", "retain"), ReportColumn.OfNumber("RTT on tuning folds, %", "tuning_rtt"), ReportColumn.OfText("Picked", "picked"), ReportColumn.OfText("Diverged", "diverged"),
        ],
        Rows =
        [
            .. report.Methods.SelectMany(method => method.Candidates.Select(candidate => (IReadOnlyList<ReportCell>)
            [
                ReportCell.OfText(method.Label),
                ReportCell.OfText(candidate.Seed.ToString(CultureInfo.InvariantCulture)),
                ReportCell.OfText(Point(candidate.Point)),
                Share(candidate.Forget),
                Share(candidate.Retain),
                Share(candidate.TuningRtt),
                ReportCell.OfText(candidate.Picked ? "yes" : string.Empty, candidate.Picked),
                ReportCell.OfText(candidate.Diverged ?? string.Empty),
            ])),
        ],
        Notes = ["Forget is on the forget questions of all splits."],
    };

    private static ReportCell Share(double? value) => ReportCell.OfNumber(FigureText.Percent(value ?? double.NaN), value);
}
