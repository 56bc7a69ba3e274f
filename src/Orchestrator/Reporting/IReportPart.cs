namespace Hybrid.Orchestrator.Reporting;

/// <summary>Something that stands in a section of a report: a paragraph, a table, a chart.</summary>
internal interface IReportPart
{
    /// <summary>The tables in it, which are also written as files.</summary>
    IEnumerable<ReportTable> Tables { get; }

    /// <summary>Writes it to the page.</summary>
    void WriteTo(HtmlPage page);
}

/// <summary>A section of a report.</summary>
/// <param name="Id">Its name within the run: <c>methods</c>.</param>
/// <param name="Title">Its heading.</param>
/// <param name="PaperReference">Where the paper shows the same: "as Table 1 of the paper"; empty where it does not.</param>
/// <param name="Parts">What it holds.</param>
internal sealed record ReportSection(string Id, string Title, string PaperReference, IReadOnlyList<IReportPart> Parts);

/// <summary>Parts that can be opened and closed, closed at first.</summary>
/// <param name="Summary">What it says while it is closed.</param>
/// <param name="Parts">What it holds.</param>
internal sealed record Fold(string Summary, IReadOnlyList<IReportPart> Parts) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => Parts.SelectMany(part => part.Tables);

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Fold(Summary, () =>
    {
        foreach (IReportPart part in Parts)
        {
            part.WriteTo(page);
        }
    });
}

/// <summary>Small charts of the same kind beside each other.</summary>
internal sealed record ChartGrid(IReadOnlyList<ChartData> Charts) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => Charts.SelectMany(chart => chart.Tables);

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Container("div", "grid", () =>
    {
        foreach (ChartData chart in Charts)
        {
            chart.WriteTo(page);
        }
    });
}
