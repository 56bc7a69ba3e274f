using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Orchestrator.Utility;

/// <summary>Every prompt's outcome as a line of JSON: <c>task</c>, <c>row</c>, <c>output</c>, <c>gold</c> and <c>scores</c>.</summary>
internal static class UtilityItemsFile
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="HybridException">Io: it cannot be written.</exception>
    public static void Write(string path, UtilityReport report)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        foreach (UtilityTaskResult result in report.Tasks)
        {
            string task = KebabCase.Of(result.Task.ToString());
            foreach (UtilityItem item in result.Items)
            {
                text.Append(JsonSerializer.Serialize(new { task, row = item.Row, output = item.Output, gold = item.Gold, scores = item.Scores }, Readable)).Append('\n');
            }
        }

        AtomicFile.WriteText(path, text.ToString());
    }
}
