using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>What was run, on what, how settings were picked, and what to be careful with.</summary>
internal static class SummarySection
{
    public static ReportSection Of(ExperimentReport report) => new("summary", "What was measured", string.Empty, [Facts(report), Explanation(report), .. Warnings(report)]);

    /// <summary>Whether every seed's setting met the rule about retain accuracy.</summary>
    public static bool KeptRetain(MethodReport method) => method.Picked.All(picked => picked.KeptRetain);

    /// <summary>The method's label, marked where it did not keep retain accuracy.</summary>
    public static string Marked(MethodReport method) => KeptRetain(method) ? method.Label : $"{method.Label} !";

    public static FactList Facts(ExperimentReport report) => new(
    [
        ("Dataset", $"{report.Dataset}, {report.DatasetSource}: {report.ForgetQuestions} questions to forget, {report.RetainQuestions} to retain"),
        ("Model", $"{report.Model}: {FigureText.Whole(report.Parameters)} parameters, {report.Layers} layers"),
        ("Seeds", string.Join(", ", report.Seeds)),
        ("Guessing", FigureText.WithSign(report.Chance)),
        ("Before unlearning", $"{FigureText.WithSign(report.ForgetBefore.Mean)} on the held-out questions, {FigureText.WithSign(report.RetainBefore.Mean)} on the retain questions"),
        ("Reported folds", string.Join(", ", report.ReportingFolds)),
        ("Settings", Rule(report)),
    ]);

    private static string Rule(ExperimentReport report) => report.Selection is not { } rule
        ? "one for each method; nothing was picked"
        : string.Create(CultureInfo.InvariantCulture, $"{rule.CandidatesPerMethod} tried for each method and seed. Taken is the one with the least accuracy after RTT on the tuning folds ")
            + $"({string.Join(", ", rule.TuningFolds)}) among those whose retain accuracy is at most {Points(rule.AllowedRetainLoss)} below the original model's";

    private static Paragraph Explanation(ExperimentReport report) => new(
        "Forget is the accuracy on held-out forget questions after unlearning. RTT is the accuracy on them after an attacker has retrained the unlearned model on the other forget questions, "
        + "at the attacker's best learning rate and epoch: knowledge that was only covered comes back, knowledge that was removed does not. Recovery is the difference, and the recovery rate its share of what had been forgotten. "
        + (report.Seeds.Count > 1 ? $"Figures are mean ± standard deviation over {report.Seeds.Count} seeds" : "Figures are of one seed")
        + "; brackets hold the 95 % bootstrap interval of the mean over questions.");

    private static IEnumerable<Warning> Warnings(ExperimentReport report)
    {
        foreach (MethodReport method in report.Methods.Where(method => !KeptRetain(method)))
        {
            int seeds = method.Picked.Count(picked => !picked.KeptRetain);
            string limit = report.Selection is { } rule ? $"within {Points(rule.AllowedRetainLoss)} of the original model's" : "as it was";
            yield return new Warning(
                $"! {method.Label}: for {seeds} of {method.Picked.Count} seeds no setting kept retain accuracy {limit}. Shown is the setting that kept most; "
                + "a model that has lost other knowledge too forgets easily, so this method's low figures are not compared with the others'.");
        }

        string[] diverged =
        [
            .. report.Methods.Select(method => (method.Label, Tried: method.Candidates.Count, Diverged: method.Candidates.Count(candidate => candidate.Diverged is not null)))
                .Where(item => item.Diverged > 0).Select(item => $"{item.Label} {item.Diverged} of {item.Tried}"),
        ];
        if (diverged.Length > 0)
        {
            yield return new Warning($"Tried settings that diverged: {string.Join("; ", diverged)}.");
        }
    }

    private static string Points(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.#} points");
}
