using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Accuracies as charts: after unlearning and RTT, while unlearning, and while the attacker retrains.</summary>
internal static class AccuracySections
{
    private const string Accuracy = "Accuracy, %";

    /// <summary>Bars of Forget and RTT for each method.</summary>
    public static ReportSection? Bars(ExperimentReport report) => report.Methods.Count == 0 ? null : new ReportSection("bars", "Before and after the attack", "as Figure 4 of the paper",
    [
        new Paragraph("Mean over seeds; whiskers are 95 % bootstrap intervals over questions."),
        Chart(report, "figure4", "Accuracy on held-out questions after unlearning and after RTT", "Method", [.. report.Methods.Select(SummarySection.Marked)],
        [
            new ChartSeries("after unlearning", SeriesForm.Bar, 0, [.. report.Methods.Select((method, i) => Point(i, method.Forget))]),
            new ChartSeries("after RTT", SeriesForm.Bar, 1, [.. report.Methods.Select((method, i) => Point(i, method.Rtt))]),
        ]),
    ]);

    /// <summary>A line for each method, pass by pass.</summary>
    public static ReportSection? WhileUnlearning(ExperimentReport report)
    {
        ChartSeries[] series =
        [
            .. report.Methods.Select((method, i) => (Method: method, Style: i)).Where(item => item.Method.ForgetByPass.Count > 0).Select(item => new ChartSeries(
                SummarySection.Marked(item.Method), SeriesForm.Line, item.Style, [.. item.Method.ForgetByPass.Select(point => new ChartPoint(point.Pass, point.Accuracy, Note: point.Stage))])),
        ];
        return series.Length == 0 ? null : new ReportSection("passes", "Forget accuracy while unlearning", "as Figure 3 of the paper",
        [
            Chart(report, "figure3", "Accuracy on all forget questions while unlearning", "Passes over the forget set", [], series, withBefore: false),
        ]);
    }

    /// <summary>A chart for each method with a line for each of the attacker's rates.</summary>
    public static ReportSection? WhileRetraining(ExperimentReport report)
    {
        var names = new UniqueNames();
        ChartData[] charts =
        [
            .. report.Methods.Where(method => method.RttCurves.Count > 0).Select(method => Chart(
                report, names.For($"rtt-{method.Label}"), SummarySection.Marked(method), "Epoch of RTT", [],
                [
                    .. method.RttCurves.Select((curve, i) => new ChartSeries(
                        $"rate {FigureText.Rate(curve.LearningRate)}", SeriesForm.Line, i, [.. curve.Accuracies.Select((accuracy, epoch) => new ChartPoint(epoch, accuracy))])),
                ])),
        ];
        return charts.Length == 0 ? null : new ReportSection("rtt", "The attack epoch by epoch", string.Empty,
        [
            new Paragraph("Accuracy on the held-out questions, mean over folds and seeds, for each learning rate of the attacker. Epoch 0 is the unlearned model."),
            new ChartGrid(charts),
        ]);
    }

    private static ChartData Chart(ExperimentReport report, string name, string title, string x, string[] categories, ChartSeries[] series, bool withBefore = true) => new()
    {
        Name = name,
        Title = title,
        XTitle = x,
        YTitle = Accuracy,
        IsShare = true,
        YMinimum = 0,
        YMaximum = 100,
        Categories = categories,
        HasNames = categories.Length > 0,
        Series = series,
        References =
        [
            .. withBefore ? [new ChartReference("before unlearning", report.ForgetBefore.Mean, IsChance: false)] : Array.Empty<ChartReference>(),
            new ChartReference("guessing", report.Chance, IsChance: true),
        ],
        Bands = [],
    };

    private static ChartPoint Point(int index, Figure figure) => new(index, figure.Mean, figure.Low, figure.High);
}
