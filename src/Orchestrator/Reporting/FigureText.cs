using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>How numbers look in reports.</summary>
internal static class FigureText
{
    /// <summary>A share in percent with one decimal and no sign for percent; a dash where it is not a number.</summary>
    public static string Percent(double share) => Fixed(share * 100, 1);

    /// <summary>A share in percent with the sign, which stays on the number's line.</summary>
    public static string WithSign(double share) => $"{Percent(share)}\u00A0%";

    /// <summary>A number with so many decimals; a dash where it is not a number.</summary>
    public static string Fixed(double value, int decimals)
    {
        if (!double.IsFinite(value))
        {
            return "–";
        }

        string text = value.ToString($"F{decimals}", CultureInfo.InvariantCulture);
        // A value that rounds to zero has no sign; others have the typographic one, which does not break lines.
        return text.AsSpan().IndexOfAnyInRange('1', '9') < 0 ? text.TrimStart('-') : text.Replace('-', '−');
    }

    /// <summary>A learning rate: <c>1e-4</c>.</summary>
    public static string Rate(double rate) => rate.ToString("0.###e+0", CultureInfo.InvariantCulture);

    /// <summary>A whole number with thousands apart.</summary>
    public static string Whole(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Seconds as people say them: <c>12.3 s</c>, <c>4 min 05 s</c>, <c>2 h 07 min</c>.</summary>
    public static string Duration(double seconds)
    {
        var time = TimeSpan.FromSeconds(seconds);
        return seconds switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F1} s"),
            < 3600 => string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds:00} s"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes:00} min"),
        };
    }

    /// <summary>The values of the seeds that have one.</summary>
    public static Figure Known(Figure figure) => figure with { PerSeed = [.. figure.PerSeed.Where(double.IsFinite)] };

    /// <summary>A figure as a cell: mean ± standard deviation over the seeds that have a value, then the interval.</summary>
    /// <param name="figure">The figure; null for none.</param>
    /// <param name="column">Its column, made by <see cref="ReportColumn.OfFigure"/>.</param>
    /// <param name="scale">What values are multiplied with for people: 100 for shares.</param>
    /// <param name="decimals">Decimals for people.</param>
    /// <param name="isBest">Whether it stands out.</param>
    public static ReportCell Cell(Figure? figure, ReportColumn column, double scale = 100, int decimals = 1, bool isBest = false)
    {
        if (figure is null)
        {
            return ReportCell.None(column);
        }

        Figure known = Known(figure);
        double mean = known.PerSeed.Count > 0 ? known.Mean : double.NaN;
        string text = Fixed(mean * scale, decimals), detail = string.Empty;
        if (known.StandardDeviation is { } deviation)
        {
            text += $" ± {Fixed(deviation * scale, decimals)}";
        }

        if (known.PerSeed.Count > 0 && known.PerSeed.Count < figure.PerSeed.Count)
        {
            detail = $"{known.PerSeed.Count} of {figure.PerSeed.Count} seeds";
        }
        else if (figure is { Low: { } low, High: { } high })
        {
            detail = $"[{Fixed(low * scale, decimals)}, {Fixed(high * scale, decimals)}]";
        }

        return new ReportCell(
            text,
            detail,
            [ReportCell.Exact(mean), Csv(known.StandardDeviation), Csv(figure.Low), Csv(figure.High), .. figure.PerSeed.Select(ReportCell.Exact)],
            isBest);
    }

    private static string Csv(double? value) => value is { } known ? ReportCell.Exact(known) : string.Empty;
}
