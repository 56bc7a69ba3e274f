using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>The page of one run or several: a single file that needs no other and no network.</summary>
internal static class HtmlReport
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

    /// <summary>The whole page.</summary>
    /// <param name="runs">Each run's name, unique and fit for an id, and what it found.</param>
    public static string Render(IReadOnlyList<(string Name, ExperimentReport Report)> runs)
    {
        var page = new HtmlPage();
        string title = runs.Count == 1 ? runs[0].Report.Title : string.Create(CultureInfo.InvariantCulture, $"{runs.Count} experiments");
        (string Name, ExperimentReport Report, IReadOnlyList<ReportSection> Sections)[] parts = [.. runs.Select(run => (run.Name, run.Report, ReportSections.Of(run.Report)))];
        page.Container("header", null, () =>
        {
            page.Element("p", "kicker", "Hybrid · unlearning and its attack");
            page.Element("h1", null, title);
        });
        page.Container("nav", null, () => Contents(page, parts));
        page.Container("main", null, () =>
        {
            foreach ((string name, ExperimentReport report, IReadOnlyList<ReportSection> sections) in parts)
            {
                page.IdPrefix = $"run-{name}";
                page.Container("section", "run", () => Run(page, report, sections, parts.Length > 1), string.Empty);
            }
        });
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="{Policy}">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{HtmlPage.Escape(title)}</title>
            <style>
            {ReportAssets.Style}
            </style>
            </head>
            <body>
            {page}
            <script type="application/json" id="report-data">{ChartNumbers.Json(page.Charts)}</script>
            <script>
            {ReportAssets.ChartLibrary}
            </script>
            <script>
            {ReportAssets.Script}
            </script>
            </body>
            </html>

            """;
    }

    private static void Contents(HtmlPage page, (string Name, ExperimentReport Report, IReadOnlyList<ReportSection> Sections)[] runs)
    {
        page.Element("h2", null, "Contents");
        foreach ((string name, ExperimentReport report, IReadOnlyList<ReportSection> sections) in runs)
        {
            page.IdPrefix = $"run-{name}";
            if (runs.Length > 1)
            {
                page.Container("p", null, () => page.Link(string.Empty, report.Title));
            }

            page.Container("ul", null, () =>
            {
                foreach (ReportSection section in sections)
                {
                    page.Container("li", null, () => page.Link(section.Id, section.Title));
                }
            });
        }
    }

    private static void Run(HtmlPage page, ExperimentReport report, IReadOnlyList<ReportSection> sections, bool titled)
    {
        if (titled)
        {
            page.Element("h2", "run-title", report.Title);
        }

        foreach (ReportSection section in sections)
        {
            page.Container("section", null, () =>
            {
                page.Container(titled ? "h3" : "h2", "heading", () =>
                {
                    page.Text(section.Title);
                    if (section.PaperReference.Length > 0)
                    {
                        page.Markup($" <small>{HtmlPage.Escape(section.PaperReference)}</small>");
                    }
                });
                foreach (IReportPart part in section.Parts)
                {
                    part.WriteTo(page);
                }
            }, section.Id);
        }
    }
}
