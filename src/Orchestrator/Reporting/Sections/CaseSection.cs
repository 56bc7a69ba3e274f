using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>What the models answered in free text.</summary>
internal static class CaseSection
{
    private static readonly ReportColumn[] Columns =
    [
        ReportColumn.OfText("Model", "model"), ReportColumn.OfText("After unlearning", "after_unlearning"), ReportColumn.OfText("After RTT", "after_rtt"),
    ];

    public static ReportSection? Of(ExperimentReport report) => report.Cases.Count == 0 ? null : new ReportSection("cases", "Case study", "as Table 4 of the paper",
    [
        new Paragraph("Held-out questions, answered in free text by the first seed's models. RTT retrained on other questions. Bold: the right answer is in it."),
        new CaseStudy(report.Cases),
    ]);

    /// <summary>A table for each question on the page, one table of all of them as a file.</summary>
    private sealed record CaseStudy(IReadOnlyList<CaseQuestion> Cases) : IReportPart
    {
        public IEnumerable<ReportTable> Tables =>
        [
            new ReportTable
            {
                Name = "table4",
                Caption = "Case study: held-out questions answered in free text",
                Columns = [ReportColumn.OfText("Question", "question"), ReportColumn.OfText("Right answer", "answer"), .. Columns],
                Rows =
                [
                    .. Cases.SelectMany(item => RowsOf(item).Select(row => (IReadOnlyList<ReportCell>)[ReportCell.OfText(item.Question), ReportCell.OfText(item.Answer), .. row])),
                ],
                Notes = ["Bold: the right answer is in it."],
            },
        ];

        public void WriteTo(HtmlPage page)
        {
            foreach (CaseQuestion item in Cases)
            {
                page.Container("article", "case", () =>
                {
                    page.Element("p", "question", item.Question);
                    page.Element("p", null, $"Right answer: {item.Answer}");
                    page.Table(new ReportTable { Name = "table4", Caption = "Answers", Columns = Columns, Rows = RowsOf(item), Notes = [] }, captioned: false);
                });
            }
        }

        private static IReadOnlyList<IReadOnlyList<ReportCell>> RowsOf(CaseQuestion item) =>
        [
            [ReportCell.OfText("original model"), Answer(item, item.Original), ReportCell.None(Columns[2])],
            .. item.Answers.Select(answer => (IReadOnlyList<ReportCell>)[ReportCell.OfText(answer.Label), Answer(item, answer.AfterUnlearning), Answer(item, answer.AfterRtt)]),
        ];

        private static ReportCell Answer(CaseQuestion item, string text) =>
            ReportCell.OfText(text, item.Answer.Length > 0 && text.Contains(item.Answer, StringComparison.OrdinalIgnoreCase)) with { Detail = text.Trim().Length == 0 ? "(empty)" : string.Empty };
    }
}
