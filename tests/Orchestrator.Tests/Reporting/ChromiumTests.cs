using System.Text.Json.Nodes;
using Hybrid.Orchestrator.Reporting;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Reporting;

/// <summary>The page in a browser: it draws all its charts, in both themes and on a phone, and asks for nothing.</summary>
public sealed class ChromiumTests
{
    /// <summary>Names of canvases that are empty or of one colour.</summary>
    private const string BlankCanvases = """
        [...document.querySelectorAll('canvas')].filter(canvas => {
          if (canvas.width < 50 || canvas.height < 50) { return true; }
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
          copy.drawImage(canvas, 0, 0);
          const bytes = copy.getImageData(0, 0, canvas.width, canvas.height).data;
          return new Set(new Uint32Array(bytes.buffer)).size < 4;
        }).map(canvas => canvas.id)
        """;

    private const string ScrollsSideways = "document.documentElement.scrollWidth > innerWidth";

    private const string FirstChart = "document.querySelector('canvas').toDataURL()";

    [ChromiumFact]
    public void EveryChartIsDrawnInBothThemesAndOnAPhone()
    {
        using var folder = new TemporaryFolder();
        ReportFiles.Write([("a", SampleReport.Make())], folder.Path);
        using var browser = new Browser();
        browser.Show(1280, 900, "light");
        browser.Open(folder.File("report.html"));

        // One page of all kinds: bars, passes, 6 × RTT, 3 × density, 6 × losses.
        Assert.Equal("17/17", (string)browser.Evaluate("document.documentElement.dataset.charts")!);
        string light = Check(browser, folder.File("light.png"));
        browser.Show(1280, 900, "dark");
        string dark = Check(browser, folder.File("dark.png"));
        Assert.Equal(light, (string)browser.Evaluate($"dispatchEvent(new Event('beforeprint')), {FirstChart}")!);
        Assert.Equal(dark, (string)browser.Evaluate($"dispatchEvent(new Event('afterprint')), {FirstChart}")!);
        browser.Show(360, 780, "light");
        string phone = Check(browser, folder.File("phone.png"));

        Assert.NotEqual(light, dark);
        Assert.NotEqual(light, phone);
        AssertQuiet(browser, folder.File("report.html"));
    }

    [ChromiumFact]
    public void SeveralRunsOnOnePage()
    {
        using var folder = new TemporaryFolder();
        ReportFiles.Write([("a", SampleReport.Make()), ("b", SampleReport.Make() with { Title = "Again", Cases = [] })], folder.Path);
        using var browser = new Browser();
        browser.Show(360, 780, "dark");
        browser.Open(folder.File("report.html"));

        Assert.Equal("34/34", (string)browser.Evaluate("document.documentElement.dataset.charts")!);
        Check(browser, folder.File("several.png"));
        Assert.Equal(0, (int)browser.Evaluate("[...document.querySelectorAll('nav a')].filter(link => !document.getElementById(decodeURIComponent(link.hash.slice(1)))).length")!);
        AssertQuiet(browser, folder.File("report.html"));
    }

    [ChromiumFact]
    public void TextsAreShownAsTheyAre()
    {
        using var folder = new TemporaryFolder();
        ReportFiles.Write([("a", SampleReport.Make())], folder.Path);
        using var browser = new Browser();
        browser.Open(folder.File("report.html"));

        Assert.Equal($"When was {SampleReport.Nasty} born?", (string)browser.Evaluate("document.querySelector('.question').textContent")!);
        Assert.Equal(0, (int)browser.Evaluate("document.querySelectorAll('main b, main i').length")!);
    }

    // The test of the test: an error, a request and a blank canvas are noticed.
    [ChromiumFact]
    public void WhatIsLookedForIsFound()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("bad.html"), "<body style='width: 2000px'><canvas id=x></canvas><script>fetch('http://example.invalid/x').catch(() => {}); throw new Error('seen');</script>");
        using var browser = new Browser();
        browser.Show(360, 780, "light");
        browser.Open(folder.File("bad.html"));

        Assert.True((bool)browser.Evaluate(ScrollsSideways)!);
        Assert.Equal("x", (string)((JsonArray)browser.Evaluate(BlankCanvases)!)[0]!);
        Assert.Contains(browser.Events, item => item.Name == "Runtime.exceptionThrown");
        Assert.Equal(["http://example.invalid/x"], Requests(browser, folder.File("bad.html")));
    }

    /// <summary>All canvases drawn and nothing beyond the page's edge; the first chart's picture.</summary>
    private static string Check(Browser browser, string photograph)
    {
        browser.Photograph(photograph);
        // For people who want to look at the pages.
        if (Environment.GetEnvironmentVariable("HYBRID_SCREENSHOTS") is { Length: > 0 } kept)
        {
            File.Copy(photograph, Path.Combine(kept, Path.GetFileName(photograph)), overwrite: true);
        }

        Assert.Empty((JsonArray)browser.Evaluate(BlankCanvases)!);
        Assert.False((bool)browser.Evaluate(ScrollsSideways)!);
        browser.Evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)");
        if (Environment.GetEnvironmentVariable("HYBRID_SCREENSHOTS") is { Length: > 0 } opened)
        {
            browser.Photograph(Path.Combine(opened, "open-" + Path.GetFileName(photograph)));
        }

        Assert.False((bool)browser.Evaluate(ScrollsSideways)!);
        browser.Evaluate("document.querySelectorAll('details').forEach(fold => fold.open = false)");
        return (string)browser.Evaluate(FirstChart)!;
    }

    /// <summary>No error, no warning, no request but for the page itself.</summary>
    private static void AssertQuiet(Browser browser, string path)
    {
        Assert.DoesNotContain(browser.Events, item => item.Name is "Runtime.exceptionThrown" or "Runtime.consoleAPICalled" or "Log.entryAdded");
        Assert.Empty(Requests(browser, path));
    }

    private static IEnumerable<string> Requests(Browser browser, string page) =>
        browser.Events.Where(item => item.Name == "Network.requestWillBeSent").Select(item => (string)item.Parameters["request"]!["url"]!).Where(url => url != new Uri(page).AbsoluteUri);
}
