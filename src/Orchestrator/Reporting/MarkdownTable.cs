using System.Text;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>A table as Markdown with pipes: rounded as on the page.</summary>
internal static class MarkdownTable
{
    private const string Special = @"\`*_[]|~#";

    /// <summary>Caption, table and notes. Line ends within a cell become <c>&lt;br&gt;</c>.</summary>
    public static string Render(ReportTable table)
    {
        var text = new StringBuilder();
        text.Append("**").Append(Escape(table.Caption)).Append("**\n\n");
        Line(table.Columns.Select(column => Escape(column.Heading)));
        Line(table.Columns.Select(column => column.IsNumber ? "---:" : "---"));
        foreach (IReadOnlyList<ReportCell> row in table.Rows)
        {
            Line(row.Select(Cell));
        }

        foreach (string note in table.Notes)
        {
            text.Append('\n').Append(Escape(note)).Append('\n');
        }

        return text.ToString();

        void Line(IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    private static string Cell(ReportCell cell)
    {
        string main = Escape(cell.Text);
        return (cell.IsBest && main.Length > 0 ? $"**{main}**" : main) + (cell.Detail.Length > 0 ? $" {Escape(cell.Detail)}" : string.Empty);
    }

    private static string Escape(string value)
    {
        var text = new StringBuilder();
        foreach (char letter in value.ReplaceLineEndings("\n"))
        {
            text.Append(letter switch
            {
                '\n' => "<br>",
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                _ when Special.Contains(letter) => $"\\{letter}",
                _ => letter.ToString(),
            });
        }

        return text.ToString();
    }
}
