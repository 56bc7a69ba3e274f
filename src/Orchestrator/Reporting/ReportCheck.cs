using Hybrid.Orchestrator.Experiments;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>Whether a report agrees with itself. A file may have been edited, and a wrong figure must not look right.</summary>
internal static class ReportCheck
{
    /// <summary>Every problem, one line each.</summary>
    public static IEnumerable<string> Validate(ExperimentReport report)
    {
        if (report.Seeds.Count == 0)
        {
            yield return "seeds: none; expected at least one";
        }

        (string Name, Figure? Figure)[] figures =
        [
            ("forgetBefore", report.ForgetBefore), ("retainBefore", report.RetainBefore), .. Named("metricsBefore", report.MetricsBefore),
            .. report.Methods.SelectMany((method, i) => FiguresOf(method).Select(item => ($"methods[{i}].{item.Name}", item.Figure))),
        ];
        foreach ((string name, Figure? figure) in figures)
        {
            if (figure is not null && figure.PerSeed.Count != report.Seeds.Count)
            {
                yield return Invariant($"{name}: {figure.PerSeed.Count} values; expected one for each of {report.Seeds.Count} seeds");
            }
        }

        for (int i = 0; i < report.Methods.Count; i++)
        {
            foreach (ChosenBlocks round in report.Methods[i].Rounds)
            {
                if (round.Blocks * round.LayersPerBlock > report.Density.Count || round.Chosen.Any(block => block < 0 || block >= round.Blocks))
                {
                    yield return Invariant($"methods[{i}].rounds: {round.Blocks} blocks of {round.LayersPerBlock} layers, chosen {string.Join(", ", round.Chosen)}; expected blocks within {report.Density.Count} layers");
                }
            }
        }
    }

    private static (string Name, Figure? Figure)[] FiguresOf(MethodReport method) =>
    [
        ("forget", method.Forget), ("rtt", method.Rtt), ("rttLast", method.RttLast), ("recovery", method.Recovery), ("recoveryRate", method.RecoveryRate), ("retain", method.Retain),
        ("forgetCalibrated", method.ForgetCalibrated), ("retainTextNll", method.RetainTextNll), ("retainRelearning", method.RetainRelearning),
        .. method.Quantization.SelectMany((item, k) => ((string, Figure?)[])[($"quantization[{k}].forget", item.Forget), ($"quantization[{k}].retain", item.Retain)]),
        .. Named("metrics", method.Metrics), .. Named("ownAttacks", method.OwnAttacks),
    ];

    private static IEnumerable<(string, Figure?)> Named(string name, IReadOnlyDictionary<string, Figure> figures) => figures.Select(item => ($"{name}.{item.Key}", (Figure?)item.Value));
}
