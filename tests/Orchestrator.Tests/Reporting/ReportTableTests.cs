using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Reporting;

/// <summary>Tables as Markdown and CSV, worked out by hand from <see cref="SampleReport"/>.</summary>
public sealed class ReportTableTests
{
    // Means and deviations of two values a and b: (a + b) / 2 and |a − b| / √2. RMU did not keep retain accuracy and can be best in nothing.
    [Fact]
    public void TheMainTableAsMarkdown()
    {
        string expected = """
            **Accuracy on random-birthdays after unlearning and after RTT**

            | Method | Forget, % ↓ | RTT, % ↓ | Recovery, points ↓ | Retain, % ↑ | Recovery rate, % ↓ |
            | --- | ---: | ---: | ---: | ---: | ---: |
            | before unlearning | 97.0 ± 1.4 \[95.0, 99.0\] | – | – | 97.0 ± 0.0 \[94.0, 99.0\] | – |
            | GA | **35.0 ± 7.1** \[28.0, 42.0\] | 82.0 ± 2.8 \[77.0, 87.0\] | 47.0 ± 4.2 | **95.0 ± 1.4** \[58.0, 99.0\] | 60.0 ± 14.1 |
            | GD | 37.0 ± 7.1 \[30.0, 44.0\] | 77.0 ± 2.8 \[72.0, 82.0\] | 40.0 ± 4.2 | **95.0 ± 1.4** \[58.0, 99.0\] | 50.0 1 of 2 seeds |
            | RMU ! | 39.0 ± 7.1 \[32.0, 46.0\] | 72.0 ± 2.8 \[67.0, 77.0\] | 33.0 ± 4.2 | 61.0 ± 1.4 \[58.0, 99.0\] | 50.0 ± 0.0 |
            | NPO \| &lt;i&gt;β&lt;/i&gt; | 41.0 ± 7.1 \[34.0, 48.0\] | 67.0 ± 2.8 \[62.0, 72.0\] | 26.0 ± 4.2 | **95.0 ± 1.4** \[58.0, 99.0\] | 45.0 ± 7.1 |
            | KUnBR | 43.0 ± 7.1 \[36.0, 50.0\] | 62.0 ± 2.8 \[57.0, 67.0\] | 19.0 ± 4.2 | **95.0 ± 1.4** \[58.0, 99.0\] | 40.0 ± 14.1 |
            | KUnBR, head blocks | 45.0 ± 7.1 \[38.0, 52.0\] | **57.0 ± 2.8** \[52.0, 62.0\] | **12.0 ± 4.2** | **95.0 ± 1.4** \[58.0, 99.0\] | **35.0 ± 21.2** |

            ↓ lower is better, ↑ higher is better; the best value is bold, of the methods that kept retain accuracy and forgot at least half of what was known beyond guessing.

            ! did not keep retain accuracy.

            A recovery rate is missing for a seed where less than five points had been forgotten.

            """;

        Assert.Equal(expected, MarkdownTable.Render(ReportSections.MainTable(SampleReport.Make())).Replace('\u00A0', ' '));
    }

    // Values that doubles hold exactly: the deviation of 0.25 and 0.75 is √0.125.
    [Fact]
    public void TheMainTableAsCsv()
    {
        ExperimentReport sample = SampleReport.Make();
        ExperimentReport report = sample with
        {
            Methods =
            [
                sample.Methods[3] with
                {
                    Forget = new Figure([0.25, 0.75], 0.125, 0.875),
                    Rtt = new Figure([0.5, 1], 0.5, 1),
                    Recovery = new Figure([0.25, 0.25]),
                    RecoveryRate = new Figure([double.NaN, 0.5]),
                    Retain = new Figure([1, 1], 1, 1),
                },
            ],
            ForgetBefore = new Figure([1, 1], 1, 1),
            RetainBefore = new Figure([1, 1], 0.5, 1),
        };
        string deviation = Math.Sqrt(0.125).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        string expected = string.Join("\r\n",
            "method,"
                + "forget_mean,forget_sd,forget_low,forget_high,forget_seed_1,forget_seed_2,rtt_mean,rtt_sd,rtt_low,rtt_high,rtt_seed_1,rtt_seed_2,"
                + "recovery_mean,recovery_sd,recovery_low,recovery_high,recovery_seed_1,recovery_seed_2,retain_mean,retain_sd,retain_low,retain_high,retain_seed_1,retain_seed_2,"
                + "recovery_rate_mean,recovery_rate_sd,recovery_rate_low,recovery_rate_high,recovery_rate_seed_1,recovery_rate_seed_2",
            "before unlearning,1,0,1,1,1,1,,,,,,,,,,,,,1,0,0.5,1,1,1,,,,,,",
            $"NPO | <i>β</i>,0.5,{deviation},0.125,0.875,0.25,0.75,0.75,{deviation},0.5,1,0.5,1,0.25,0,,,0.25,0.25,1,0,1,1,1,1,0.5,,,,NaN,0.5",
            string.Empty);

        Assert.Equal(expected, CsvTable.Render(ReportSections.MainTable(report)));
    }

    [Fact]
    public void CellsThatWouldBreakATable()
    {
        var table = new ReportTable
        {
            Name = "t",
            Caption = "a*b",
            Columns = [ReportColumn.OfText("x, \"y\"", "x, \"y\""), ReportColumn.OfNumber("n", "n")],
            Rows = [[ReportCell.OfText("a\r\nb|c"), ReportCell.OfNumber("1.0", 1.0 / 3)], [ReportCell.OfText("<&>", isBest: true), ReportCell.None(ReportColumn.OfNumber("n", "n"))]],
            Notes = [],
        };

        Assert.Equal("**a\\*b**\n\n| x, \"y\" | n |\n| --- | ---: |\n| a<br>b\\|c | 1.0 |\n| **&lt;&amp;&gt;** | – |\n", MarkdownTable.Render(table));
        Assert.Equal("\"x, \"\"y\"\"\",n\r\n\"a\r\nb|c\",0.3333333333333333\r\n<&>,\r\n", CsvTable.Render(table));
    }

    [Fact]
    public void AnAblationIsTable3()
    {
        ExperimentReport sample = SampleReport.Make();
        ExperimentReport report = sample with { IsAblation = true, Methods = [sample.Methods[1], sample.Methods[4], sample.Methods[5]] };
        ReportSection methods = ReportSections.Of(report).Single(section => section.Id == "methods");

        Assert.Equal("as Table 3 of the paper", methods.PaperReference);
        Assert.Equal(["table3", "table3-paper", "measures", "picked"], methods.Parts.SelectMany(part => part.Tables).Select(table => table.Name));
        Assert.Equal(
            "Method,64.9,80.2,15.3",
            "Method," + string.Join(',', ((ReportTable)methods.Parts[1]).Rows[0].Skip(1).Select(cell => cell.Text)));
    }

    // Recovery as printed is RTT less Forget; the print rounds each, so that the last digit may differ by one.
    [Fact]
    public void ThePaperAgreesWithItself()
    {
        Assert.Equal(["mmlu", "random-birthdays", "wmdp-deduped", "years"], PaperFigures.Datasets.Order(StringComparer.Ordinal));
        foreach (string dataset in PaperFigures.Datasets)
        {
            Assert.Equal(["GA", "GD", "RMU", "RIA", "NPO", "KUnBR"], PaperFigures.Methods(dataset).Select(row => row.Label));
            Assert.Equal(["KUnBR without re-insertion", "KUnBR without pre-unlearning", "KUnBR"], PaperFigures.Ablations(dataset).Select(row => row.Label));
            Assert.All(PaperFigures.Methods(dataset).Concat(PaperFigures.Ablations(dataset)), row => Assert.Equal(row.Rtt - row.Forget, row.Recovery, 0.11));
            // Without re-insertion KUnBR is gradient difference.
            PaperRow gradientDifference = PaperFigures.Methods(dataset)[1], without = PaperFigures.Ablations(dataset)[0];
            Assert.Equal((gradientDifference.Forget, gradientDifference.Rtt), (without.Forget, without.Rtt));
        }

        Assert.Empty(PaperFigures.Methods("weather"));
        Assert.Empty(PaperFigures.Ablations("weather"));
    }

    [Theory]
    [InlineData(-0.0004, 1, "0.0")]
    [InlineData(-3.26, 1, "−3.3")]
    [InlineData(12, 0, "12")]
    [InlineData(double.NaN, 1, "–")]
    [InlineData(double.PositiveInfinity, 1, "–")]
    public void Numbers(double value, int decimals, string expected) => Assert.Equal(expected, FigureText.Fixed(value, decimals));

    [Theory]
    [InlineData(12.34, "12.3 s")]
    [InlineData(245, "4 min 05 s")]
    [InlineData(7620, "2 h 07 min")]
    [InlineData(90000, "25 h 00 min")]
    public void Durations(double seconds, string expected) => Assert.Equal(expected, FigureText.Duration(seconds));
}
