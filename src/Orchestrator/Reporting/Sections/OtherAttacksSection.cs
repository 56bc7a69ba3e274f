using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Attacks besides RTT: rounded weights, fine-tuning on unrelated text, and those that a program has added.</summary>
internal static class OtherAttacksSection
{
    public static ReportSection? Of(ExperimentReport report)
    {
        int[] widths = [.. report.Methods.SelectMany(method => method.Quantization).Select(figure => figure.Bits).Distinct().OrderDescending()];
        bool relearned = report.Methods.Any(method => method.RetainRelearning is not null);
        string[] own = [.. report.Methods.SelectMany(method => method.OwnAttacks.Keys).Distinct()];
        if (widths.Length == 0 && !relearned && own.Length == 0)
        {
            return null;
        }

        (ReportColumn Column, Func<MethodReport, Figure?> Of)[] columns =
        [
            (ReportColumn.OfFigure("Forget, %", "forget", report.Seeds), method => method.Forget),
            .. widths.SelectMany(bits => ((ReportColumn, Func<MethodReport, Figure?>)[])
            [
                (Figure($"Forget at {bits} bits, %", $"forget_{bits}_bits"), method => method.Quantization.FirstOrDefault(item => item.Bits == bits)?.Forget),
                (Figure($"Retain at {bits} bits, %", $"retain_{bits}_bits"), method => method.Quantization.FirstOrDefault(item => item.Bits == bits)?.Retain),
            ]),
            .. relearned ? [(Figure("Forget after retain text, %", "forget_after_retain_text"), method => method.RetainRelearning)] : Array.Empty<(ReportColumn, Func<MethodReport, Figure?>)>(),
            .. own.Select(name => (Figure($"Forget after {name}, %", $"forget_after_{name}"), (Func<MethodReport, Figure?>)(method => method.OwnAttacks.GetValueOrDefault(name)))),
        ];
        var table = new ReportTable
        {
            Name = "attacks",
            Caption = "Accuracy on the held-out questions after other attacks",
            Columns = [ReportColumn.OfText("Method", "method"), .. columns.Select(column => column.Column)],
            Rows =
            [
                .. report.Methods.Select(method => (IReadOnlyList<ReportCell>)
                [
                    ReportCell.OfText(SummarySection.Marked(method)) with { CsvValues = [method.Label] }, .. columns.Select(column => FigureText.Cell(column.Of(method), column.Column)),
                ]),
            ],
            Notes =
            [
                .. widths.Length > 0 ? ["Bits: weights rounded to so many bits each, which can bring back what was only covered."] : Array.Empty<string>(),
                .. relearned ? ["After retain text: fine-tuned on unrelated retain text, at the attacker's best rate and epoch."] : Array.Empty<string>(),
                .. own.Length > 0 ? [$"Attacks that are not Hybrid's own: {string.Join(", ", own)}."] : Array.Empty<string>(),
            ],
        };
        return new ReportSection("attacks", "Other attacks", string.Empty, [table]);

        ReportColumn Figure(string heading, string name) => ReportColumn.OfFigure(heading, name, report.Seeds);
    }
}
