namespace Hybrid.Orchestrator.Reporting;

/// <summary>How a series is drawn.</summary>
internal enum SeriesForm
{
    /// <summary>Bars.</summary>
    Bar,

    /// <summary>Points joined by a line.</summary>
    Line,

    /// <summary>Points alone.</summary>
    Point,
}

/// <summary>A chart: what <c>report.js</c> draws, and the table of the same numbers below it.</summary>
internal sealed record ChartData : IReportPart
{
    /// <summary>Its name within the run, and that of its table's files: <c>figure4</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>Title of the horizontal axis, with its unit.</summary>
    public required string XTitle { get; init; }

    /// <summary>Title of the vertical axis, with its unit.</summary>
    public required string YTitle { get; init; }

    /// <summary>Whether values are shares, 0 to 1, which are shown in percent.</summary>
    public required bool IsShare { get; init; }

    /// <summary>Least value of the vertical axis, as shown; null for whatever fits.</summary>
    public required double? YMinimum { get; init; }

    /// <summary>Greatest value of the vertical axis, as shown; null for whatever fits.</summary>
    public required double? YMaximum { get; init; }

    /// <summary>Names along the horizontal axis, of which <see cref="ChartPoint.X"/> is an index; empty where x is a number.</summary>
    public required IReadOnlyList<string> Categories { get; init; }

    /// <summary>Whether the categories are names, which need room, and not numbers.</summary>
    public required bool HasNames { get; init; }

    /// <summary>The series.</summary>
    public required IReadOnlyList<ChartSeries> Series { get; init; }

    /// <summary>Horizontal lines.</summary>
    public required IReadOnlyList<ChartReference> References { get; init; }

    /// <summary>Ranges of categories that are set apart.</summary>
    public required IReadOnlyList<ChartBand> Bands { get; init; }

    /// <summary>What values are multiplied with to be shown.</summary>
    public double Scale => IsShare ? 100 : 1;

    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [ChartNumbers.TableOf(this)];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Chart(this);
}

/// <summary>Values of one kind.</summary>
/// <param name="Label">Its name.</param>
/// <param name="Form">How it is drawn.</param>
/// <param name="Style">Its place among the colours, dashes and markers; negative for grey.</param>
/// <param name="Points">The values.</param>
internal sealed record ChartSeries(string Label, SeriesForm Form, int Style, IReadOnlyList<ChartPoint> Points);

/// <summary>A value.</summary>
/// <param name="X">Where it stands: a number, or an index of the categories.</param>
/// <param name="Y">The value; not finite where there is none.</param>
/// <param name="Low">Lower end of its interval; null for none.</param>
/// <param name="High">Upper end of its interval; null for none.</param>
/// <param name="Note">What is to be said of it; empty for nothing.</param>
internal sealed record ChartPoint(double X, double Y, double? Low = null, double? High = null, string Note = "");

/// <summary>A horizontal line.</summary>
/// <param name="Label">What is at that height.</param>
/// <param name="Value">The height.</param>
/// <param name="IsChance">Whether it is what guessing gives; the page draws that in the same way everywhere.</param>
internal sealed record ChartReference(string Label, double Value, bool IsChance);

/// <summary>A range of categories.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
/// <param name="Label">What stands above it; empty for nothing.</param>
/// <param name="Highlighted">Whether it is shaded.</param>
internal sealed record ChartBand(int First, int Last, string Label, bool Highlighted);
