using System.Globalization;
using Hybrid.Orchestrator;
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
    private const double Level = 0.95;
    private const int Resamples = 2000;
    private const ulong Seed = 1;

    /// <summary>From the answers; the interval's draws are the same every time.</summary>
    public static AccuracyReport Of(McqResult result)
    {
        (double low, double high) = result.BootstrapInterval(Level, Resamples, new SeededRandom(Seed));
        return new AccuracyReport(result.Count, result.Accuracy, result.CalibratedAccuracy, low, high);
    }

    /// <summary>One row for each set.</summary>
    public static Table TableOf(params IEnumerable<(string Set, AccuracyReport Report)> rows)
    {
        Table table = Tables.New("set", ">questions", ">accuracy", ">95 % interval", ">calibrated");
        foreach ((string set, AccuracyReport report) in rows)
        {
            table.AddRow(
                set,
                report.Questions.ToString(CultureInfo.InvariantCulture),
                Tables.Percent(report.Accuracy),
                $"{Tables.Percent(report.Low)} – {Tables.Percent(report.High)}",
                Tables.Percent(report.CalibratedAccuracy));
        }

        return table;
    }
}
