using System.Globalization;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Utility;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>How the scores of the utility suite look, to people and to machines.</summary>
internal static class UtilityView
{
    /// <summary>The tasks, for JSON.</summary>
    public static object JsonOf(UtilityReport report) => report.Tasks.Select(result => new
    {
        task = KebabCase.Of(result.Task.ToString()),
        prompts = result.Items.Count,
        cutPrompts = result.CutPrompts,
        metrics = result.Metrics.ToDictionary(metric => metric.Name, metric => metric.Value),
    });

    /// <summary>A table of the metrics, and what is to be known about them.</summary>
    public static void Show(CommandContext context, UtilityReport report)
    {
        Table table = Tables.New("task", "metric", ">score", ">prompts");
        foreach (UtilityTaskResult result in report.Tasks)
        {
            foreach (UtilityMetric metric in result.Metrics)
            {
                string score = result.Task is UtilityTaskKind.Fluency ? Tables.Text($"{metric.Value:F3} bits") : Tables.Percent(metric.Value);
                table.AddRow(KebabCase.Of(result.Task.ToString()), metric.Name, score, result.Items.Count.ToString(CultureInfo.InvariantCulture));
            }
        }

        context.Output.Write(table);
        context.WriteLine($"chat template: {report.ChatTemplate}");
        foreach (UtilityTaskResult result in report.Tasks.Where(result => result.CutPrompts > 0))
        {
            context.WriteLine(Tables.Text($"{KebabCase.Of(result.Task.ToString())}: {result.CutPrompts} prompts were longer than the model allows and were cut; their scores say little"));
        }
    }
}
