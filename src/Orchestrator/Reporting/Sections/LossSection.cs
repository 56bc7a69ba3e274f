using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Losses of unlearning, step by step.</summary>
internal static class LossSection
{
    /// <summary>Points of a line; more cannot be told apart at its width.</summary>
    private const int MostPoints = 100;

    public static ReportSection? Of(ExperimentReport report)
    {
        var names = new UniqueNames();
        ChartData[] charts = [.. report.Methods.Where(method => method.Losses.Count > 0).Select(method => Chart(method, names))];
        return charts.Length == 0 ? null : new ReportSection("losses", "Losses while unlearning", string.Empty,
        [
            new Paragraph($"The first seed's picked run. Of long runs every so many steps are kept; where more than {MostPoints} are, a point is the mean of neighbouring ones of one stage and stands at the last of them."),
            new ChartGrid(charts),
        ]);
    }

    private static ChartData Chart(MethodReport method, UniqueNames names)
    {
        LossPoint[][] groups = [.. Group(method.Losses)];
        (string Label, Func<LossPoint, double?> Of)[] quantities = [("loss", point => point.Loss), ("NLL of the forget batch", point => point.ForgetNll), ("NLL of the retain batch", point => point.RetainNll)];
        return new ChartData
        {
            Name = names.For($"losses-{method.Label}"),
            Title = SummarySection.Marked(method),
            XTitle = "Optimizer step",
            YTitle = "Loss, NLL in nats",
            IsShare = false,
            YMinimum = null,
            YMaximum = null,
            Categories = [],
            HasNames = false,
            Series =
            [
                .. quantities.Select((quantity, i) => (Series: new ChartSeries(quantity.Label, SeriesForm.Line, i, Points(groups, quantity.Of)), quantity.Of))
                    .Where(item => item.Series.Points.Count > 0).Select(item => item.Series),
            ],
            References = [],
            Bands = [],
        };
    }

    /// <summary>Neighbouring steps of one stage, as many together as it takes.</summary>
    private static IEnumerable<LossPoint[]> Group(IReadOnlyList<LossPoint> losses)
    {
        int size = ((losses.Count - 1) / MostPoints) + 1;
        var group = new List<LossPoint>();
        foreach (LossPoint point in losses)
        {
            if (group.Count == size || (group.Count > 0 && group[^1].Stage != point.Stage))
            {
                yield return [.. group];
                group.Clear();
            }

            group.Add(point);
        }

        yield return [.. group];
    }

    private static ChartPoint[] Points(LossPoint[][] groups, Func<LossPoint, double?> of) =>
    [
        .. groups.Where(group => group.All(point => of(point) is not null)).Select(group => new ChartPoint(group[^1].Step, group.Average(point => of(point)!.Value), Note: group[^1].Stage)),
    ];
}
