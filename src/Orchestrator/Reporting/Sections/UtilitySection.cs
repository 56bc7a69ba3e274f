using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Utility;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>The utility suite: what else the models can do.</summary>
internal static class UtilitySection
{
    public static ReportSection? Of(ExperimentReport report)
    {
        string[] metrics = [.. report.UtilityBefore.Keys];
        if (metrics.Length == 0)
        {
            return null;
        }

        ReportColumn[] columns = [.. metrics.Select(metric => ReportColumn.OfFigure(metric == FluencyTask.Entropy ? $"{metric}, bits" : $"{metric}, %", metric, report.Seeds))];
        var table = new ReportTable
        {
            Name = "utility",
            Caption = "Utility suite",
            Columns = [ReportColumn.OfText("Method", "method"), .. columns],
            Rows = [Row("before unlearning", "before unlearning", report.UtilityBefore), .. report.Methods.Select(method => Row(SummarySection.Marked(method), method.Label, method.Utility))],
            Notes = ["Reasoning (bbh_em), truthfulness (truthfulqa_mc1), factuality (triviaqa_f1) and fluency (fluency_entropy, which is bits and no share); each prompt's outcome lies in the run folder."],
        };
        return new ReportSection("utility", "What else the models can do", string.Empty, [table]);

        IReadOnlyList<ReportCell> Row(string shown, string label, IReadOnlyDictionary<string, Figure> figures) =>
        [
            ReportCell.OfText(shown) with { CsvValues = [label] },
            .. metrics.Select((metric, m) => FigureText.Cell(figures.GetValueOrDefault(metric), columns[m], scale: metric == FluencyTask.Entropy ? 1 : 100, decimals: metric == FluencyTask.Entropy ? 3 : 1)),
        ];
    }
}
