using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Where the figures come from.</summary>
internal static class ProvenanceSection
{
    public static ReportSection Of(ExperimentReport report)
    {
        Provenance source = report.Provenance;
        return new ReportSection("provenance", "Provenance", string.Empty,
        [
            new FactList(
            [
                ("Hybrid", source.Hybrid),
                ("Native library", source.Native),
                (".NET", source.Dotnet),
                ("Machine", source.Machine),
                ("Device", source.Device),
                ("Jobs", string.Create(CultureInfo.InvariantCulture, $"{source.Jobs} side by side; threads of each: {source.ThreadsPerJob}")),
                ("Started", source.Started.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC"),
                ("Computed", $"{FigureText.Duration(source.ComputeSeconds)} of all jobs together"),
            ]),
            new Listing("The experiment's settings", source.Settings),
        ]);
    }
}
