namespace Hybrid.Orchestrator.Reporting;

/// <summary>Names with their values.</summary>
internal sealed record FactList(IReadOnlyList<(string Name, string Value)> Facts) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Container("dl", null, () =>
    {
        foreach ((string name, string value) in Facts)
        {
            page.Element("dt", null, name);
            page.Element("dd", null, value);
        }
    });
}

/// <summary>A paragraph.</summary>
internal sealed record Paragraph(string Text) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Element("p", null, Text);
}

/// <summary>A paragraph that must not be overlooked.</summary>
internal sealed record Warning(string Text) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Element("p", "warning", Text);
}

/// <summary>Text whose lines stay as they are, in a fold.</summary>
/// <param name="Summary">What the fold says while it is closed.</param>
/// <param name="Text">The text.</param>
internal sealed record Listing(string Summary, string Text) : IReportPart
{
    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Fold(Summary, () => page.Element("pre", null, Text));
}
