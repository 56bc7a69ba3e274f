using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>What an experiment found, on the console.</summary>
internal static class ReportView
{
    /// <summary>What was measured, and the main table with its notes.</summary>
    public static void Show(CommandContext context, ExperimentReport report)
    {
        ReportTable main = ReportSections.MainTable(report);
        context.WriteLine(report.Title);
        foreach ((string name, string text) in ReportSections.Facts(report))
        {
            context.WriteLine($"  {name}: {text}");
        }

        context.WriteLine($"{main.Caption}:");
        Table table = Tables.New([.. main.Columns.Select(column => column.IsNumber ? $">{column.Heading}" : column.Heading)]);
        foreach (IReadOnlyList<ReportCell> row in main.Rows)
        {
            table.AddRow([.. row.Select(Cell)]);
        }

        context.Output.Write(table);
        foreach (string note in main.Notes.Where(note => !note.StartsWith('↓')))
        {
            context.WriteLine(note);
        }
    }

    private static string Cell(ReportCell cell)
    {
        string text = Markup.Escape(cell.Text);
        return (cell.IsBest ? $"[bold]{text}[/]" : text) + (cell.Detail.Length > 0 ? $" {Markup.Escape(cell.Detail)}" : string.Empty);
    }
}
