using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Reporting;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Reporting;

public sealed class ReportFilesTests
{
    [Fact]
    public void ARunsFilesSurviveTheRoundTrip()
    {
        using var folder = new TemporaryFolder();
        ExperimentReport report = SampleReport.Make();

        ResultsFile.Write(folder.Path, report);
        ExperimentReport read = ResultsFile.Read(folder.Path);

        // Records compare lists by reference, so what they are written as is compared.
        using var again = new TemporaryFolder();
        ResultsFile.Write(again.Path, read);
        Assert.Equal(File.ReadAllText(folder.File(ResultsFile.Name)), File.ReadAllText(again.File(ResultsFile.Name)));
        Assert.True(double.IsNaN(read.Methods[1].RecoveryRate.PerSeed[0]));
        Assert.Equal(SampleReport.Nasty, read.Cases[0].Answers[0].AfterUnlearning);
        Assert.Equal(HtmlReport.Render([("a", report)]), HtmlReport.Render([("a", read)]));
    }

    [Theory]
    [InlineData("\"name\": \"sample\"", "\"novelty\": 1, \"name\": \"sample\"", "novelty")]
    [InlineData("\"name\": \"sample\",", "", "name")]
    [InlineData("\"name\": \"sample\"", "\"name\": null", "name")]
    public void AnotherVersionsResultsAreRefused(string old, string changed, string said)
    {
        using var folder = new TemporaryFolder();
        ResultsFile.Write(folder.Path, SampleReport.Make());
        string path = folder.File(ResultsFile.Name), text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, changed, StringComparison.Ordinal));

        HybridException error = Assert.Throws<HybridException>(() => ResultsFile.Read(folder.Path));
        Assert.Equal(ErrorKind.Config, error.Kind);
        Assert.StartsWith($"{path}: not the results of this version", error.Message, StringComparison.Ordinal);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTableIsWrittenTwice()
    {
        using var folder = new TemporaryFolder();

        IReadOnlyList<string> written = ReportFiles.Write([("run", SampleReport.Make())], folder.File("out"));

        Assert.Equal(folder.File("out/report.html"), written[0]);
        Assert.Equal(written.Order(StringComparer.Ordinal), Directory.GetFiles(folder.File("out"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        string[] names = [.. written.Skip(1).Select(path => Path.GetFileName(path)!)];
        Assert.Equal(names.Length / 2, names.Count(name => name.EndsWith(".csv", StringComparison.Ordinal)));
        string[] some =
        [
            "table1.md", "table1.csv", "table1-paper.md", "measures.csv", "picked.md", "figure4.csv", "figure3.md", "rtt-npo-i-i.csv", "rtt-kunbr.md", "attacks.csv",
            "figure5-kunbr-round-1.md", "figure5-kunbr-head-blocks-round-1.csv", "table4.csv", "losses-ga.csv", "candidates.md",
        ];
        Assert.All(some, name => Assert.Contains(name, names));
        Assert.StartsWith("question,answer,model,after_unlearning,after_rtt\r\n\"When was </script><b>&\"\"'`|*_\u2028,\nnext line born?\",1950,original model,In 1950.,\r\n", File.ReadAllText(folder.File("out/tables/table4.csv")), StringComparison.Ordinal);
    }

    [Fact]
    public void TablesAloneMakeNoPage()
    {
        using var folder = new TemporaryFolder();

        IReadOnlyList<string> written = ReportFiles.WriteTables([("run", SampleReport.Make())], folder.Path);

        Assert.All(written, path => Assert.Equal(folder.File("tables"), Path.GetDirectoryName(path)));
        Assert.False(File.Exists(folder.File("report.html")));
    }

    [Fact]
    public void SeveralRunsHaveTheirNamesBeforeTheirTables()
    {
        using var folder = new TemporaryFolder();
        ExperimentReport report = SampleReport.Make();

        IReadOnlyList<string> written = ReportFiles.Write([("a", report), ("b", report), ("c", report with { Name = "Other one" })], folder.Path);

        Assert.Contains(folder.File("tables/sample-table1.md"), written);
        Assert.Contains(folder.File("tables/sample-2-table1.md"), written);
        Assert.Contains(folder.File("tables/other-one-table1.md"), written);
        Assert.Equal(written.Distinct(), written);
    }

    [Fact]
    public void AReportThatDoesNotAgreeWithItselfIsRefused()
    {
        ExperimentReport sample = SampleReport.Make();

        Refused(sample with { Seeds = [1] }, "forgetBefore: 2 values; expected one for each of 1 seeds");
        Refused(sample with { Seeds = [] }, "seeds: none; expected at least one");
        Refused(sample with { Methods = [sample.Methods[0], sample.Methods[1] with { Rtt = new Figure([0.5]) }] }, "methods[1].rtt: 1 values; expected one for each of 2 seeds");
        Refused(
            sample with { Methods = [sample.Methods[0] with { Rounds = [new ChosenBlocks([], 4, 2, [4])] }] },
            "methods[0].rounds: 4 blocks of 2 layers, chosen 4; expected blocks within 8 layers");

        static void Refused(ExperimentReport report, string said)
        {
            using var folder = new TemporaryFolder();
            HybridException error = Assert.Throws<HybridException>(() => ReportFiles.Write([("runs/x", report)], folder.Path));
            Assert.Equal(ErrorKind.Config, error.Kind);
            Assert.StartsWith("runs/x/results.json: ", error.Message, StringComparison.Ordinal);
            Assert.Contains(said, error.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
        }
    }

    [Fact]
    public void AFolderThatCannotBeMadeIsNamed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "x");

        HybridException error = Assert.Throws<HybridException>(() => ReportFiles.Write([("run", SampleReport.Make())], folder.File("file/out")));
        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.StartsWith($"{folder.File("file/out")}: the report cannot be written there", error.Message, StringComparison.Ordinal);
    }
}
