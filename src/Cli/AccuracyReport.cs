using System.Globalization;
using System.Text.Json.Serialization;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Evaluation;
using Spectre.Console;

namespace Hybrid.Cli;

/// <summary>The answers to a set of questions in figures, as tables and JSON show them.</summary>
/// <param name="Questions">How many were asked.</param>
/// <param name="Accuracy">Share of right answers.</param>
/// <param name="CalibratedAccuracy">The same without preference for a letter.</param>
/// <param name="Low">Lower end of the accuracy's 95 % bootstrap interval.</param>
/// <param name="High">Its upper end.</param>
internal sealed record AccuracyReport(int Questions, double Accuracy, double CalibratedAccuracy, double Low, double High)
{
    private const ulong Seed = 1;

    /// <summary>Share of right answers by the likelihood of the choices' texts, null where it was not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LikelihoodAccuracy { get; init; }

    /// <summary>From the answers; the interval's draws are the same every time.</summary>
    public static AccuracyReport Of(McqResult result)
    {
        (double low, double high) = result.BootstrapInterval(Bootstrap.UsualLevel, Bootstrap.UsualResamples, new SeededRandom(Seed));
        return new AccuracyReport(result.Count, result.Accuracy, result.CalibratedAccuracy, low, high);
    }

    /// <summary>The interval of an attack's accuracy, by the same draws.</summary>
    public static (double Low, double High) IntervalOf(RelearningReport report) => report.Interval(Bootstrap.UsualLevel, Bootstrap.UsualResamples, new SeededRandom(Seed));

    /// <summary>One row for each set; likelihood is a column where it was asked for.</summary>
    public static Table TableOf(params IReadOnlyList<(string Set, AccuracyReport Report)> rows)
    {
        bool likelihood = rows.Any(row => row.Report.LikelihoodAccuracy is not null);
        Table table = Tables.New(["set", ">questions", ">accuracy", ">95 % interval", ">calibrated", .. likelihood ? [">likelihood"] : Array.Empty<string>()]);
        foreach ((string set, AccuracyReport report) in rows)
        {
            table.AddRow(
            [
                set,
                report.Questions.ToString(CultureInfo.InvariantCulture),
                Tables.Percent(report.Accuracy),
                $"{Tables.Percent(report.Low)} – {Tables.Percent(report.High)}",
                Tables.Percent(report.CalibratedAccuracy),
                .. report.LikelihoodAccuracy is { } share ? [Tables.Percent(share)] : Array.Empty<string>(),
            ]);
        }

        return table;
    }
}
