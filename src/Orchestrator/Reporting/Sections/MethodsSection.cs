using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>The main table, the paper's own figures beside it, and what else is known of each method.</summary>
internal static class MethodsSection
{
    // The space keeps the arrow on the line of its heading.
    private const string Lower = "\u00A0↓", Higher = "\u00A0↑";

    public static ReportSection Of(ExperimentReport report)
    {
        bool ablation = report.IsAblation;
        List<IReportPart> parts = [MainTable(report)];
        if (PaperTable(report.Dataset, ablation) is { } paper)
        {
            parts.Add(paper);
        }

        parts.Add(new Fold("Further measures", [Measures(report)]));
        parts.Add(new Fold("Picked settings", [Settings(report)]));
        return new ReportSection("methods", "Methods", ablation ? "as Table 3 of the paper" : "as Table 1 of the paper", parts);
    }

    /// <summary>Forget, RTT, recovery and retain accuracy of every method, below those of the original model.</summary>
    public static ReportTable MainTable(ExperimentReport report)
    {
        ReportColumn forget = ReportColumn.OfFigure("Forget, %" + Lower, "forget", report.Seeds);
        ReportColumn rtt = ReportColumn.OfFigure("RTT, %" + Lower, "rtt", report.Seeds);
        ReportColumn recovery = ReportColumn.OfFigure("Recovery, points" + Lower, "recovery", report.Seeds);
        ReportColumn retain = ReportColumn.OfFigure("Retain, %" + Higher, "retain", report.Seeds);
        ReportColumn rate = ReportColumn.OfFigure("Recovery rate, %" + Lower, "recovery_rate", report.Seeds);
        IReadOnlyList<ReportCell> before =
        [
            ReportCell.OfText("before unlearning"), FigureText.Cell(report.ForgetBefore, forget), ReportCell.None(rtt), ReportCell.None(recovery), FigureText.Cell(report.RetainBefore, retain), ReportCell.None(rate),
        ];
        return new ReportTable
        {
            Name = report.IsAblation ? "table3" : "table1",
            Caption = $"Accuracy on {report.Dataset} after unlearning and after RTT",
            Columns = [ReportColumn.OfText("Method", "method"), forget, rtt, recovery, retain, rate],
            Rows =
            [
                before,
                .. report.Methods.Select(method => (IReadOnlyList<ReportCell>)
                [
                    ReportCell.OfText(SummarySection.Marked(method)) with { CsvValues = [method.Label] },
                    Cell(method, forget, item => item.Forget, -1),
                    Cell(method, rtt, item => item.Rtt, -1),
                    Cell(method, recovery, item => item.Recovery, -1),
                    Cell(method, retain, item => item.Retain, 1),
                    Cell(method, rate, item => item.RecoveryRate, -1),
                ]),
            ],
            Notes = [.. Notes(report)],
        };

        // Of the methods that forgot and kept retain accuracy; what looks the same after rounding shares the first place.
        ReportCell Cell(MethodReport method, ReportColumn column, Func<MethodReport, Figure> of, int sign)
        {
            double[] values = [.. report.Methods.Where(item => IsRival(report, item)).Select(item => Rounded(of(item))).Where(double.IsFinite)];
            double own = Rounded(of(method));
            return FigureText.Cell(of(method), column, isBest: values.Length > 1 && IsRival(report, method) && own.Equals(sign < 0 ? values.Min() : values.Max()));
        }
    }

    /// <summary>
    /// Whether the method may be marked as best: it kept retain accuracy, and forgot at least half of what was known beyond guessing. Without
    /// either, the other figures are easily had.
    /// </summary>
    private static bool IsRival(ExperimentReport report, MethodReport method) =>
        SummarySection.KeptRetain(method) && report.ForgetBefore.Mean - method.Forget.Mean >= (report.ForgetBefore.Mean - report.Chance) / 2;

    private static double Rounded(Figure figure) => FigureText.Known(figure) is { PerSeed.Count: > 0 } known ? Math.Round(known.Mean, 3) : double.NaN;

    private static IEnumerable<string> Notes(ExperimentReport report)
    {
        yield return "↓ lower is better, ↑ higher is better; the best value is bold, of the methods that kept retain accuracy and forgot at least half of what was known beyond guessing.";
        if (report.Methods.Any(method => !SummarySection.KeptRetain(method)))
        {
            yield return "! did not keep retain accuracy.";
        }

        if (report.Methods.Any(method => method.RecoveryRate.PerSeed.Any(double.IsNaN)))
        {
            yield return "A recovery rate is missing for a seed where less than five points had been forgotten.";
        }
    }

    private static ReportTable? PaperTable(string dataset, bool ablation)
    {
        IReadOnlyList<PaperRow> rows = ablation ? PaperFigures.Ablations(dataset) : PaperFigures.Methods(dataset);
        return rows.Count == 0 ? null : new ReportTable
        {
            Name = ablation ? "table3-paper" : "table1-paper",
            Caption = $"Llama-3-8B-Instruct on {dataset}, as printed in the paper ({(ablation ? "Table 3" : "Table 1")}); another model, not comparable number by number",
            Columns =
            [
                ReportColumn.OfText("Method", "method"), ReportColumn.OfNumber("Forget, %" + Lower, "forget"), ReportColumn.OfNumber("RTT, %" + Lower, "rtt"), ReportColumn.OfNumber("Recovery, points" + Lower, "recovery"),
            ],
            Rows = [.. rows.Select(row => (IReadOnlyList<ReportCell>)[ReportCell.OfText(row.Label), Percent(row.Forget), Percent(row.Rtt), Percent(row.Recovery)])],
            Notes = ablation ? ["The paper's Table 3 has no column for recovery; here it is RTT less Forget."] : [],
        };

        // A share in the file, as in the run's own tables.
        static ReportCell Percent(double printed) => ReportCell.OfNumber(FigureText.Fixed(printed, 1), Math.Round(printed / 100, 4));
    }

    private static ReportTable Measures(ExperimentReport report)
    {
        ReportColumn last = ReportColumn.OfFigure("RTT after the last epoch, %", "rtt_last", report.Seeds);
        ReportColumn calibrated = ReportColumn.OfFigure("Forget, calibrated, %", "forget_calibrated", report.Seeds);
        ReportColumn nll = ReportColumn.OfFigure("Retain text, nats a token", "retain_text_nll", report.Seeds);
        return new ReportTable
        {
            Name = "measures",
            Caption = "Further measures",
            Columns = [ReportColumn.OfText("Method", "method"), last, calibrated, nll],
            Rows =
            [
                .. report.RetainTextNllBefore is null ? Array.Empty<IReadOnlyList<ReportCell>>() : [[ReportCell.OfText("before unlearning"), ReportCell.None(last), ReportCell.None(calibrated), FigureText.Cell(report.RetainTextNllBefore, nll, scale: 1, decimals: 3)]],
                .. report.Methods.Select(method => (IReadOnlyList<ReportCell>)
                [
                    ReportCell.OfText(method.Label), FigureText.Cell(method.RttLast, last), FigureText.Cell(method.ForgetCalibrated, calibrated), FigureText.Cell(method.RetainTextNll, nll, scale: 1, decimals: 3),
                ]),
            ],
            Notes = ["Calibrated: on the forget questions of all splits, each letter's mean logit subtracted first."],
        };
    }

    private static ReportTable Settings(ExperimentReport report) => new()
    {
        Name = "picked",
        Caption = "The setting that was picked for each seed",
        Columns =
        [
            ReportColumn.OfText("Method", "method"), ReportColumn.OfText("Seed", "seed"), ReportColumn.OfText("Setting", "setting"), ReportColumn.OfText("Kept retain", "kept_retain"),
            ReportColumn.OfNumber("Steps", "steps"), ReportColumn.OfNumber("Seconds", "seconds"), ReportColumn.OfNumber("Parameters changed, %", "share_changed"),
            ReportColumn.OfNumber("Attacker's rate", "rtt_learning_rate"), ReportColumn.OfNumber("Attacker's epoch", "rtt_epoch"),
        ],
        Rows =
        [
            .. report.Methods.SelectMany(method => method.Picked.Select(picked => (IReadOnlyList<ReportCell>)
            [
                ReportCell.OfText(method.Label),
                ReportCell.OfText(picked.Seed.ToString(CultureInfo.InvariantCulture)),
                ReportCell.OfText(CandidatesSection.Point(picked.Point)),
                ReportCell.OfText(picked.KeptRetain ? "yes" : "no"),
                ReportCell.OfNumber(FigureText.Whole(picked.Steps), picked.Steps),
                ReportCell.OfNumber(FigureText.Fixed(picked.Seconds, 1), picked.Seconds),
                ReportCell.OfNumber(FigureText.Percent(picked.ShareChanged), picked.ShareChanged),
                ReportCell.OfNumber(FigureText.Rate(picked.RttLearningRate), picked.RttLearningRate),
                ReportCell.OfNumber(FigureText.Whole(picked.RttEpoch), picked.RttEpoch),
            ])),
        ],
        Notes = [],
    };
}
