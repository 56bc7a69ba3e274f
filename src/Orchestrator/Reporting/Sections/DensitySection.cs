using System.Globalization;
using Hybrid.Orchestrator.Experiments;

namespace Hybrid.Orchestrator.Reporting.Sections;

/// <summary>Knowledge density by layer, with the blocks that were re-inserted.</summary>
internal static class DensitySection
{
    private const int Others = -1;

    public static ReportSection? Of(ExperimentReport report)
    {
        var names = new UniqueNames();
        ChartData[] charts =
        [
            .. report.Methods.SelectMany(method => method.Rounds.Select((round, i) => Chart(
                report, names.For($"figure5-{method.Label}-round-{i + 1}"), method.Rounds.Count > 1 ? $"{SummarySection.Marked(method)}, round {i + 1}" : SummarySection.Marked(method), round))),
        ];
        if (charts.Length == 0 && report.Density.Count > 0)
        {
            charts = [Chart(report, names.For("figure5"), "Original model", new ChosenBlocks([], 0, 0, []))];
        }

        return charts.Length == 0 ? null : new ReportSection("density", "Knowledge density by layer", "as Figure 5 of the paper",
        [
            new Paragraph("The share of the forget questions' absolute gradient that falls on each layer; layer 0 is nearest the input. Shaded blocks were re-inserted, numbered in their order. Bars: all parameters of the layer, mean over seeds; points, shading and numbers: the first seed's run as its choice saw it, which may count the MLP only. "
                + "Lines part the blocks; layers beyond the last line belong to none."),
            new ChartGrid(charts),
        ]);
    }

    private static ChartData Chart(ExperimentReport report, string name, string title, ChosenBlocks round)
    {
        HashSet<int> chosen = [.. round.Chosen.SelectMany(block => Enumerable.Range(block * round.LayersPerBlock, round.LayersPerBlock))];
        (double Value, int Layer)[] layers = [.. report.Density.Select((value, layer) => (value, layer))];
        List<ChartSeries> series = [];
        if (chosen.Count > 0)
        {
            series.Add(new ChartSeries("original model, re-inserted blocks", SeriesForm.Bar, 0, Points(layers.Where(layer => chosen.Contains(layer.Layer)))));
        }

        series.Add(new ChartSeries(chosen.Count > 0 ? "original model, other layers" : "original model", SeriesForm.Bar, Others, Points(layers.Where(layer => !chosen.Contains(layer.Layer)))));
        if (round.Density.Count > 0)
        {
            series.Add(new ChartSeries("unlearned model, which the choice saw", SeriesForm.Point, 3, Points(round.Density.Select((value, layer) => (value, layer)))));
        }

        return new ChartData
        {
            Name = name,
            Title = title,
            XTitle = "Layer",
            YTitle = "Share of the density, %",
            IsShare = true,
            YMinimum = 0,
            YMaximum = null,
            Categories = [.. Enumerable.Range(0, report.Density.Count).Select(layer => layer.ToString(CultureInfo.InvariantCulture))],
            HasNames = false,
            Series = series,
            References = [],
            Bands = [.. Enumerable.Range(0, round.Blocks).Select(block => Band(block, round))],
        };
    }

    private static ChartPoint[] Points(IEnumerable<(double Value, int Layer)> layers) => [.. layers.Select(layer => new ChartPoint(layer.Layer, layer.Value))];

    private static ChartBand Band(int block, ChosenBlocks round)
    {
        int order = round.Chosen.ToList().IndexOf(block);
        return new ChartBand(block * round.LayersPerBlock, ((block + 1) * round.LayersPerBlock) - 1, order < 0 ? string.Empty : $"{order + 1}.", order >= 0);
    }
}
