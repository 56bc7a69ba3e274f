using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>The files of a report: <c>report.html</c>, and every table of it as Markdown and CSV in <c>tables/</c>. Each file appears whole or not at all.</summary>
public static class ReportFiles
{
    /// <summary>The page.</summary>
    public const string PageName = "report.html";

    /// <summary>The folder of the tables.</summary>
    internal const string TablesFolder = "tables";

    /// <summary>Writes the page and the tables.</summary>
    /// <param name="runs">The runs, each with its folder, which messages name.</param>
    /// <param name="outFolder">Where to; made where it is missing. Files of an earlier report are replaced.</param>
    /// <returns>The paths of what was written, the page first.</returns>
    /// <exception cref="HybridException">Config: a report that does not agree with itself. Io: a file cannot be written.</exception>
    public static IReadOnlyList<string> Write(IReadOnlyList<(string RunFolder, ExperimentReport Report)> runs, string outFolder)
    {
        (string Name, ExperimentReport Report)[] named = Name(runs);
        string page = HtmlReport.Render(named);
        return Guarded(outFolder, () =>
        {
            Directory.CreateDirectory(outFolder);
            string path = Path.Combine(outFolder, PageName);
            AtomicFile.WriteText(path, page);
            return [path, .. WriteTables(named, outFolder)];
        });
    }

    /// <summary>Writes the tables alone.</summary>
    /// <inheritdoc cref="Write"/>
    internal static IReadOnlyList<string> WriteTables(IReadOnlyList<(string RunFolder, ExperimentReport Report)> runs, string outFolder)
    {
        (string Name, ExperimentReport Report)[] named = Name(runs);
        return Guarded(outFolder, () => WriteTables(named, outFolder));
    }

    /// <summary>The runs with names for ids and files; a name that two experiments have gets a number.</summary>
    private static (string Name, ExperimentReport Report)[] Name(IReadOnlyList<(string RunFolder, ExperimentReport Report)> runs)
    {
        var names = new UniqueNames();
        foreach ((string folder, ExperimentReport report) in runs)
        {
            HybridException.ThrowIfAny(ErrorKind.Config, Path.Combine(folder, ResultsFile.Name), ReportCheck.Validate(report));
        }

        return [.. runs.Select(run => (names.For(run.Report.Name), run.Report))];
    }

    private static List<string> WriteTables((string Name, ExperimentReport Report)[] runs, string outFolder)
    {
        string folder = Path.Combine(outFolder, TablesFolder);
        Directory.CreateDirectory(folder);
        var written = new List<string>();
        foreach ((string name, ExperimentReport report) in runs)
        {
            string prefix = runs.Length > 1 ? $"{name}-" : string.Empty;
            foreach (ReportTable table in ReportSections.Of(report).SelectMany(section => section.Parts).SelectMany(part => part.Tables))
            {
                Put($"{prefix}{table.Name}.md", MarkdownTable.Render(table));
                Put($"{prefix}{table.Name}.csv", CsvTable.Render(table));
            }
        }

        return written;

        void Put(string name, string text)
        {
            string path = Path.Combine(folder, name);
            AtomicFile.WriteText(path, text);
            written.Add(path);
        }
    }

    private static IReadOnlyList<string> Guarded(string outFolder, Func<IReadOnlyList<string>> write)
    {
        try
        {
            return write();
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(outFolder, "the report cannot be written there", error);
        }
    }
}
