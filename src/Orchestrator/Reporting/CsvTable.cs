using System.Text;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>A table as CSV (RFC 4180): numbers in full, shares 0 to 1, each in a column of its own.</summary>
internal static class CsvTable
{
    private const string LineEnd = "\r\n";

    /// <summary>A line of names, then a line a row.</summary>
    public static string Render(ReportTable table)
    {
        var text = new StringBuilder();
        Line(table.Columns.SelectMany(column => column.CsvNames));
        foreach (IReadOnlyList<ReportCell> row in table.Rows)
        {
            Line(row.SelectMany(cell => cell.CsvValues));
        }

        return text.ToString();

        void Line(IEnumerable<string> values) => text.AppendJoin(',', values.Select(Quote)).Append(LineEnd);
    }

    private static string Quote(string value) =>
        value.AsSpan().IndexOfAny("\",\r\n") < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
