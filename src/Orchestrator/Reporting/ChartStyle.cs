namespace Hybrid.Orchestrator.Reporting;

/// <summary>Dashes and markers by which series can be told apart without colour; the colours are in <c>report.css</c>.</summary>
internal static class ChartStyle
{
    /// <summary>Colours, named <c>--c0</c> and so on.</summary>
    public const int Colors = 8;

    private static readonly int[][] Dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
    private static readonly string[] Markers = ["circle", "rect", "triangle", "rectRot"];

    /// <summary>The style sheet's variable with a series' colour.</summary>
    public static string Color(int style) => style < 0 ? "--muted-bar" : $"--c{style % Colors}";

    /// <summary>Lengths of a series' dashes and gaps.</summary>
    public static int[] Dash(int style) => style < 0 ? [] : Dashes[style % Dashes.Length];

    /// <summary>A series' marker, by Chart.js's name.</summary>
    public static string Marker(int style) => style < 0 ? Markers[0] : Markers[style % Markers.Length];

    /// <summary>Lengths of a reference line's dashes and gaps.</summary>
    public static int[] ReferenceDash(ChartReference line) => line.IsChance ? [2, 4] : [8, 4];

    /// <summary>The sample of a series in a legend.</summary>
    public static string Swatch(ChartSeries series)
    {
        string color = $"var({Color(series.Style)})";
        string marker = Marker(series.Style) switch
        {
            "circle" => $"<circle cx=\"14\" cy=\"6\" r=\"3.5\" fill=\"{color}\"/>",
            "rect" => $"<path d=\"M11 3h6v6h-6z\" fill=\"{color}\"/>",
            "triangle" => $"<path d=\"M14 2l4 7h-8z\" fill=\"{color}\"/>",
            _ => $"<path d=\"M14 1l5 5-5 5-5-5z\" fill=\"{color}\"/>",
        };
        return series.Form switch
        {
            SeriesForm.Bar => Svg($"<path d=\"M8 0h12v12H8z\" fill=\"{color}\"/>", left: 8, width: 12),
            SeriesForm.Line => Svg(Line(color, Dash(series.Style)) + marker),
            _ => Svg(marker, left: 8, width: 12),
        };
    }

    /// <summary>The sample of a reference line in a legend.</summary>
    public static string ReferenceSwatch(ChartReference line) => Svg(Line("var(--muted)", ReferenceDash(line)));

    private static string Line(string color, int[] dash) => $"<path d=\"M0 6h28\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"{string.Join(' ', dash)}\"/>";

    private static string Svg(string shapes, int left = 0, int width = 28) => $"<svg width=\"{width}\" height=\"12\" viewBox=\"{left} 0 {width} 12\" aria-hidden=\"true\">{shapes}</svg>";
}
