using System.Globalization;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>How results look to people.</summary>
internal static class Tables
{
    /// <summary>A table with the given headings; one that begins with '>' is set to the right.</summary>
    public static Table New(params ReadOnlySpan<string> headings)
    {
        Table table = new Table().Border(TableBorder.Minimal);
        foreach (string heading in headings)
        {
            table.AddColumn(heading.StartsWith('>') ? new TableColumn(Markup.Escape(heading[1..])).RightAligned() : new TableColumn(Markup.Escape(heading)));
        }

        return table;
    }

    /// <summary>A share as percent with one decimal.</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:F1} %");

    /// <summary>A number in the fewest digits that say it.</summary>
    public static string Short(double value) => value.ToString("0.###e+0", CultureInfo.InvariantCulture);

    /// <summary>Invariant text of an interpolated string.</summary>
    public static string Text(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>A bar whose full length stands for <paramref name="largest"/>.</summary>
    public static string Bar(double value, double largest, int width) =>
        largest > 0 && double.IsFinite(value) ? new string('█', (int)Math.Round(value / largest * width)) : string.Empty;
}
