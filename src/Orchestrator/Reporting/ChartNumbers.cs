using System.Globalization;
using System.Text.Json;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>A chart's numbers: for the script that draws it, and as the table below it.</summary>
internal static class ChartNumbers
{
    /// <summary>The default encoder writes &lt;, &gt;, &amp; and the line separators as escapes, so that no text can end the script element.</summary>
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Charts by their ids as one JSON object, safe within a script element. Values are as shown; those that are no number are null.</summary>
    public static string Json(IReadOnlyList<(string Id, ChartData Chart)> charts) =>
        JsonSerializer.Serialize(charts.ToDictionary(chart => chart.Id, chart => Shown(chart.Chart)), Options);

    /// <summary>A row for each place on the horizontal axis, a column for each series.</summary>
    public static ReportTable TableOf(ChartData chart)
    {
        bool[] intervals = [.. chart.Series.Select(series => series.Points.Any(point => point.Low is not null))];
        double[] places = [.. chart.Series.SelectMany(series => series.Points).Select(point => point.X).Distinct().Order()];
        ReportColumn[] columns = [.. chart.Series.Select((series, i) => new ReportColumn(
            chart.IsShare ? $"{series.Label}, %" : series.Label, true, intervals[i] ? [series.Label, $"{series.Label}, low", $"{series.Label}, high"] : [series.Label]))];
        return new ReportTable
        {
            Name = chart.Name,
            Caption = $"{chart.Title}: {chart.YTitle} by {chart.XTitle}",
            Columns = [new ReportColumn(chart.XTitle, chart.Categories.Count == 0, [chart.XTitle]), .. columns],
            Rows = [.. places.Select(x => (IReadOnlyList<ReportCell>)[Place(chart, x), .. chart.Series.Select((series, i) => Cell(chart, series, x, intervals[i], columns[i]))])],
            Notes =
            [
                .. chart.References.Select(line => $"{line.Label}: {Text(chart, line.Value)}{(chart.IsShare ? " %" : string.Empty)}"),
                .. chart.Bands.Where(band => band.Label.Length > 0).Select(band => band.First == band.Last ? $"{chart.XTitle} {chart.Categories[band.First]}: {band.Label}" : $"{chart.XTitle} {chart.Categories[band.First]} to {chart.Categories[band.Last]}: {band.Label}"),
            ],
        };
    }

    private static object Shown(ChartData chart) => new
    {
        x = chart.XTitle,
        y = chart.YTitle,
        unit = chart.IsShare ? " %" : string.Empty,
        yMinimum = chart.YMinimum,
        yMaximum = chart.YMaximum,
        categories = chart.Categories,
        named = chart.HasNames,
        series = chart.Series.Select(series => new
        {
            label = series.Label,
            form = series.Form.ToString().ToLowerInvariant(),
            color = ChartStyle.Color(series.Style),
            dash = ChartStyle.Dash(series.Style),
            marker = ChartStyle.Marker(series.Style),
            points = series.Points.Select(point => new
            {
                x = point.X, y = Number(chart, point.Y), low = Number(chart, point.Low), high = Number(chart, point.High), text = Text(chart, point.Y), note = point.Note,
            }),
        }),
        references = chart.References.Select(line => new { value = Number(chart, line.Value), dash = ChartStyle.ReferenceDash(line) }),
        bands = chart.Bands,
    };

    private static double? Number(ChartData chart, double? value) => value is { } known && double.IsFinite(known) ? Math.Round(known * chart.Scale, 6) : null;

    private static ReportCell Place(ChartData chart, double x) => chart.Categories.Count > 0
        ? ReportCell.OfText(chart.Categories[(int)x])
        : ReportCell.OfNumber(x.ToString("0.##", CultureInfo.InvariantCulture), x);

    private static ReportCell Cell(ChartData chart, ChartSeries series, double x, bool interval, ReportColumn column)
    {
        if (series.Points.FirstOrDefault(point => point.X.Equals(x)) is not { } point)
        {
            return ReportCell.None(column);
        }

        string detail = point is { Low: { } low, High: { } high } ? $"[{Text(chart, low)}, {Text(chart, high)}]" : point.Note;
        string[] csv = interval ? [Csv(point.Y), Csv(point.Low), Csv(point.High)] : [Csv(point.Y)];
        return new ReportCell(Text(chart, point.Y), detail, csv);
    }

    private static string Text(ChartData chart, double value) => FigureText.Fixed(value * chart.Scale, chart.IsShare ? 1 : 3);

    private static string Csv(double? value) => value is { } known ? ReportCell.Exact(known) : string.Empty;
}
