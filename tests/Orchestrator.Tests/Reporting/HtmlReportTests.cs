using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Reporting;

public sealed partial class HtmlReportTests
{
    [Fact]
    public void EveryElementIsClosedAndEveryIdStandsOnce()
    {
        string html = Markup(Page(2));
        var open = new Stack<string>();
        foreach (Match tag in Tags().Matches(html))
        {
            string name = tag.Groups["name"].Value;
            if (tag.Value.StartsWith("</", StringComparison.Ordinal))
            {
                Assert.Equal(open.Pop(), name);
            }
            else if (!tag.Value.EndsWith("/>", StringComparison.Ordinal) && name is not ("meta" or "!DOCTYPE"))
            {
                open.Push(name);
            }
        }

        Assert.Empty(open);
        string[] ids = [.. Ids().Matches(html).Select(match => match.Groups[1].Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(Links().Matches(html), link => Assert.Contains(link.Groups[1].Value, ids));
    }

    [Fact]
    public void EveryChartHasItsDataAndItsTable()
    {
        string page = Page(1);
        string[] canvases = [.. Canvases().Matches(page).Select(match => match.Groups[1].Value)];
        JsonElement data = Data(page);

        Assert.Equal(17, canvases.Length);
        Assert.Equal(canvases, data.EnumerateObject().Select(chart => chart.Name));
        // The fold with the numbers follows the legend of its chart.
        string[] figures = [.. page.Split("<figure class=\"chart\">").Skip(1)];
        Assert.All(figures, figure => Assert.Matches("(?s)^<figcaption>.*<canvas [^>]*aria-label=\"[^\"]+\".*<ul class=\"legend\">.*<details><summary>Numbers</summary>\\s*<div class=\"table\".*<table>", figure));
    }

    [Fact]
    public void ChartsHaveTheReportsNumbers()
    {
        JsonElement data = Data(Page(1));
        JsonElement bars = data.GetProperty("run-sample-figure4");

        // GA: means of 0.30 and 0.40, of 0.80 and 0.84.
        JsonElement forget = bars.GetProperty("series")[0].GetProperty("points")[0], rtt = bars.GetProperty("series")[1].GetProperty("points")[0];
        Assert.Equal((35, 28, 42), (forget.GetProperty("y").GetDouble(), forget.GetProperty("low").GetDouble(), forget.GetProperty("high").GetDouble()));
        Assert.Equal((82, 77, 87), (rtt.GetProperty("y").GetDouble(), rtt.GetProperty("low").GetDouble(), rtt.GetProperty("high").GetDouble()));
        Assert.Equal([97, 25], bars.GetProperty("references").EnumerateArray().Select(line => line.GetProperty("value").GetDouble()));

        // KUnBR's second round: 4 blocks of 2 layers, block 1 first, then 2; layers 2 to 5 are theirs.
        JsonElement density = data.GetProperty("run-sample-figure5-kunbr-round-2");
        Assert.Equal([2, 3, 4, 5], density.GetProperty("series")[0].GetProperty("points").EnumerateArray().Select(point => point.GetProperty("x").GetInt32()));
        Assert.Equal([16, 14, 12, 10], density.GetProperty("series")[0].GetProperty("points").EnumerateArray().Select(point => point.GetProperty("y").GetDouble()));
        Assert.Equal(["", "1.", "2.", ""], density.GetProperty("bands").EnumerateArray().Select(band => band.GetProperty("label").GetString()));

        // 480 steps in means of 5; the first stands at step 5 with the NLL of steps 1 to 5, step / 50.
        JsonElement losses = data.GetProperty("run-sample-losses-ga").GetProperty("series");
        Assert.Equal(2, losses.GetArrayLength());
        Assert.Equal(96, losses[1].GetProperty("points").GetArrayLength());
        Assert.Equal((5, 0.06), (losses[1].GetProperty("points")[0].GetProperty("x").GetDouble(), losses[1].GetProperty("points")[0].GetProperty("y").GetDouble()));
    }

    [Fact]
    public void NothingIsAskedOfOtherPlaces()
    {
        string page = Page(1);
        string html = Markup(page);

        Assert.Contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"(?i)<(link|img|iframe|object|base|form)\b", html);
        Assert.DoesNotMatch(@"(?i)\b(src|action|data)=", html);
        Assert.All(Hrefs().Matches(html), href => Assert.StartsWith("#", href.Groups[1].Value, StringComparison.Ordinal));
        Assert.DoesNotMatch("(?i)https?://|@import|url\\(", html + Between(page, "<style>", "</style>"));
        Assert.DoesNotContain("sourceMappingURL", page, StringComparison.Ordinal);
        Assert.DoesNotContain("eval(", Between(page, "<script>", "</html>"), StringComparison.Ordinal);
    }

    [Fact]
    public void TextsCannotLeaveTheirPlace()
    {
        string page = Page(1);

        Assert.Equal(3, Regex.Count(page, "</script"));
        Assert.DoesNotContain("</script><b>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<i>β", page, StringComparison.Ordinal);
        Assert.Contains("&lt;/script&gt;&lt;b&gt;&amp;&quot;&#39;`|*_\u2028,\nnext line", page, StringComparison.Ordinal);
        Assert.Contains("<title>Sample &amp; &lt;test&gt;</title>", page, StringComparison.Ordinal);
        string json = Between(page, "id=\"report-data\">", "</script>");
        Assert.DoesNotMatch("[<>&\u2028\u2029]", json);
        Assert.Contains("NPO | <i>β</i>", Data(page).GetProperty("run-sample-figure4").GetProperty("categories").EnumerateArray().Select(name => name.GetString()));
    }

    [Fact]
    public void OnlyWhatTheRunHasIsShown()
    {
        ExperimentReport sample = SampleReport.Make();
        ExperimentReport report = sample with
        {
            Dataset = "weather",
            Density = [],
            Cases = [],
            Selection = null,
            Methods = [.. sample.Methods.Take(2).Select(method => method with { RttCurves = [], ForgetByPass = [], Losses = [], Quantization = [], RetainRelearning = null, Rounds = [], Candidates = [] })],
        };

        Assert.Equal(["summary", "methods", "bars", "provenance"], ReportSections.Of(report).Select(section => section.Id));
        Assert.Equal(["table1", "measures", "picked", "figure4"], ReportSections.Of(report).SelectMany(section => section.Parts).SelectMany(part => part.Tables).Select(table => table.Name));
        Assert.Contains("one for each method; nothing was picked", HtmlReport.Render([("a", report)]), StringComparison.Ordinal);
    }

    [Fact]
    public void AMethodThatLostRetainAccuracyIsExplained() =>
        Assert.Contains("<p class=\"warning\">! RMU: for 1 of 2 seeds no setting kept retain accuracy within 5 points of the original model&#39;s.", Page(1), StringComparison.Ordinal);

    [Fact]
    public void TheChartLibraryIsThePublishedOne()
    {
        string folder = RepositoryFolder.PathOf("src/Orchestrator/Reporting/Assets");
        string sum = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "chart.umd.min.js"))));

        Assert.Contains($"`{sum}`", File.ReadAllText(Path.Combine(folder, "README.md")), StringComparison.Ordinal);
    }

    private static string Page(int runs) => HtmlReport.Render([.. Enumerable.Range(0, runs).Select(i => (i == 0 ? "sample" : $"sample-{i + 1}", SampleReport.Make()))]);

    /// <summary>The page without what stands in style and script elements.</summary>
    private static string Markup(string page) => Regex.Replace(page, "(?s)(<(style|script)[^>]*>).*?(</\\2>)", "$1$3");

    private static JsonElement Data(string page) => JsonDocument.Parse(Between(page, "id=\"report-data\">", "</script>")).RootElement;

    private static string Between(string text, string from, string to)
    {
        int start = text.IndexOf(from, StringComparison.Ordinal) + from.Length;
        return text[start..text.IndexOf(to, start, StringComparison.Ordinal)];
    }

    [GeneratedRegex("</?(?<name>[!A-Za-z][A-Za-z0-9]*)[^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex("\\bid=\"([^\"]*)\"")]
    private static partial Regex Ids();

    [GeneratedRegex("<canvas id=\"([^\"]*)\"")]
    private static partial Regex Canvases();

    [GeneratedRegex("href=\"#([^\"]*)\"")]
    private static partial Regex Links();

    [GeneratedRegex("href=\"([^\"]*)\"")]
    private static partial Regex Hrefs();
}
