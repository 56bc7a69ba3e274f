using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Hybrid.Benchmarks;

/// <summary>The results as tables, for the terminal and as Markdown.</summary>
internal static class Report
{
    private static readonly string[] Header = ["work", "size", "type", "ours", "against", "theirs", "ratio (lowest–highest)", "goal", "of the bound"];

    public static string Duration(double seconds) => seconds switch
    {
        < 1e-3 => $"{(seconds * 1e6).ToString("0.0", CultureInfo.InvariantCulture)} µs",
        < 1 => $"{(seconds * 1e3).ToString("0.0", CultureInfo.InvariantCulture)} ms",
        _ => $"{seconds.ToString("0.00", CultureInfo.InvariantCulture)} s",
    };

    public static void Print(IReadOnlyList<Result> results, IReadOnlyList<Fact> facts, string noPeer)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (string column in Header)
        {
            table.AddColumn(column);
        }

        foreach (Result result in results)
        {
            table.AddRow([.. Cells(result).Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
        foreach (Fact fact in facts)
        {
            AnsiConsole.WriteLine($"{fact.Name}: {fact.Value}");
        }

        if (noPeer.Length > 0)
        {
            AnsiConsole.WriteLine($"No comparison with PyTorch: {noPeer}");
        }
    }

    public static string Markdown(IReadOnlyList<Result> results, IReadOnlyList<Fact> facts)
    {
        var text = new StringBuilder();
        text.AppendLine("| " + string.Join(" | ", Header) + " |").AppendLine("|" + string.Concat(Enumerable.Repeat("---|", Header.Length)));
        foreach (Result result in results)
        {
            text.AppendLine("| " + string.Join(" | ", Cells(result)) + " |");
        }

        text.AppendLine();
        foreach (Fact fact in facts)
        {
            text.AppendLine($"- {fact.Name}: {fact.Value}");
        }

        return text.ToString();
    }

    private static string[] Cells(Result result)
    {
        Comparison times = result.Comparison;
        return
        [
            result.Work,
            result.Size,
            result.Type,
            Duration(times.OurMedian),
            result.Against,
            Duration(times.TheirMedian),
            string.Create(CultureInfo.InvariantCulture, $"{times.Ratio:0.00} ({times.LowestRatio:0.00}–{times.HighestRatio:0.00})"),
            result.Goal is { } goal ? string.Create(CultureInfo.InvariantCulture, $"≥ {goal:0.##}: {(result.Met ? "met" : "not met")}") : "",
            result.Bound is { } bound ? string.Create(CultureInfo.InvariantCulture, $"{bound / times.OurMedian:0%}") : "",
        ];
    }
}
