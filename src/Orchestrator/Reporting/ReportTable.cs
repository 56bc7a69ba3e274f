using System.Globalization;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>One table of a report, which <see cref="HtmlPage"/>, <see cref="MarkdownTable"/> and <see cref="CsvTable"/> write each in their way.</summary>
internal sealed record ReportTable : IReportPart
{
    /// <summary>The name of its files, without ending: <c>table1</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it shows, with units.</summary>
    public required string Caption { get; init; }

    /// <summary>Its columns.</summary>
    public required IReadOnlyList<ReportColumn> Columns { get; init; }

    /// <summary>Its rows, a cell for each column.</summary>
    public required IReadOnlyList<IReadOnlyList<ReportCell>> Rows { get; init; }

    /// <summary>Remarks below it.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ReportTable> Tables => [this];

    /// <inheritdoc/>
    public void WriteTo(HtmlPage page) => page.Table(this);
}

/// <summary>A column.</summary>
/// <param name="Heading">What people read; the unit included.</param>
/// <param name="IsNumber">Whether it holds numbers, set to the right.</param>
/// <param name="CsvNames">Names of the CSV's columns that it becomes; every cell has a value for each.</param>
internal sealed record ReportColumn(string Heading, bool IsNumber, IReadOnlyList<string> CsvNames)
{
    /// <summary>A column of text.</summary>
    public static ReportColumn OfText(string heading, string csvName) => new(heading, false, [csvName]);

    /// <summary>A column of single numbers.</summary>
    public static ReportColumn OfNumber(string heading, string csvName) => new(heading, true, [csvName]);

    /// <summary>A column of figures: in the CSV their mean, standard deviation, interval, and the value for each seed.</summary>
    public static ReportColumn OfFigure(string heading, string csvName, IEnumerable<ulong> seeds) =>
        new(heading, true, [$"{csvName}_mean", $"{csvName}_sd", $"{csvName}_low", $"{csvName}_high", .. seeds.Select(seed => $"{csvName}_seed_{seed}")]);
}

/// <summary>A cell.</summary>
/// <param name="Text">What people read.</param>
/// <param name="Detail">The lesser part, set smaller: an interval. Empty for none.</param>
/// <param name="CsvValues">What the CSV has, a value for each of the column's names; an empty text where there is none.</param>
/// <param name="IsBest">Whether it stands out.</param>
internal sealed record ReportCell(string Text, string Detail, IReadOnlyList<string> CsvValues, bool IsBest = false)
{
    /// <summary>Text.</summary>
    public static ReportCell OfText(string text, bool isBest = false) => new(text, string.Empty, [text], isBest);

    /// <summary>A number as people read it, and in full.</summary>
    public static ReportCell OfNumber(string text, double? value) => new(text, string.Empty, [value is { } known ? Exact(known) : string.Empty]);

    /// <summary>A cell with nothing in it, in whichever column.</summary>
    public static ReportCell None(ReportColumn column) => new("–", string.Empty, [.. column.CsvNames.Select(_ => string.Empty)]);

    /// <summary>The shortest text that reads back as the same number.</summary>
    public static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
