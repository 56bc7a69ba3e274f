using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting.Sections;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>The sections of a run's report, each only where the run has what it shows.</summary>
internal static class ReportSections
{
    /// <summary>In the order of reading.</summary>
    public static IReadOnlyList<ReportSection> Of(ExperimentReport report)
    {
        ReportSection?[] sections =
        [
            SummarySection.Of(report),
            MethodsSection.Of(report),
            AccuracySections.Bars(report),
            AccuracySections.WhileUnlearning(report),
            AccuracySections.WhileRetraining(report),
            OtherAttacksSection.Of(report),
            UtilitySection.Of(report),
            MetricsSection.Of(report),
            DensitySection.Of(report),
            CaseSection.Of(report),
            LossSection.Of(report),
            CandidatesSection.Of(report),
            ProvenanceSection.Of(report),
        ];
        return [.. sections.OfType<ReportSection>()];
    }

    /// <summary>What was run, on what, and how settings were picked, each with its name.</summary>
    public static IReadOnlyList<(string Name, string Value)> Facts(ExperimentReport report) => SummarySection.Facts(report).Facts;

    /// <summary>The table that says most: forget, RTT, recovery and retain accuracy of every method.</summary>
    public static ReportTable MainTable(ExperimentReport report) => MethodsSection.MainTable(report);
}
