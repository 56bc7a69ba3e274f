using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Metrics that a program has added to Hybrid.</summary>
internal static class MetricsSection
{
    private const int Decimals = 3;

    public static ReportSection? Of(ExperimentReport report)
    {
        string[] metrics = [.. report.MetricsBefore.Keys];
        if (metrics.Length == 0)
        {
            return null;
        }

        ReportColumn[] columns = [.. metrics.Select(metric => ReportColumn.OfFigure(metric, metric, report.Seeds))];
        var table = new ReportTable
        {
            Name = "metrics",
            Caption = "Other metrics",
            Columns = [ReportColumn.OfText("Method", "method"), .. columns],
            Rows = [Row("before unlearning", "before unlearning", report.MetricsBefore), .. report.Methods.Select(method => Row(SummarySection.Marked(method), method.Label, method.Metrics))],
            Notes = ["Figures that are not Hybrid's own, in their own units."],
        };
        return new ReportSection("metrics", "Other metrics", string.Empty, [table]);

        IReadOnlyList<ReportCell> Row(string shown, string label, IReadOnlyDictionary<string, Figure> figures) =>
            [ReportCell.OfText(shown) with { CsvValues = [label] }, .. metrics.Select((metric, m) => FigureText.Cell(figures.GetValueOrDefault(metric), columns[m], scale: 1, decimals: Decimals))];
    }
}
