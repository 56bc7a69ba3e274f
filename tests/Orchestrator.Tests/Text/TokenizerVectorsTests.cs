using Hybrid.Orchestrator.Text;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

public sealed class TokenizerVectorsTests
{
    [Fact]
    public void ReportsWhatDoesNotMatchAndWhere()
    {
        TokenizerVectors vectors = Read("""
            {"text": "abc<s>", "ids": [258, 260]}
            {"text": "xbc", "ids": [120, 98, 99]}
            {"text": "", "ids": []}
            {"ids": [97], "text": "aa"}
            """);
        TokenizerVectorReport report = vectors.Compare(new TokenizerFile().Load());

        Assert.Equal((4, 2), (report.Total, report.Matched));
        Assert.Equal([(2, 1), (4, 1)], report.Mismatches.Select(mismatch => (mismatch.Vector.Line, mismatch.FirstDifference)));
        Assert.Equal([120, 257], report.Mismatches[0].Actual);
    }

    [Theory]
    [InlineData("", "vectors.jsonl: expected at least one line")]
    [InlineData("{\"text\": \"a\", \"ids\": [1]}\n\n", "vectors.jsonl:2: ")]
    [InlineData("{\"text\": \"a\", \"ids\": [1]", "vectors.jsonl:1: ")]
    [InlineData("[]", "got an array")]
    [InlineData("{\"text\": \"a\"}", "ids is not an array")]
    [InlineData("{\"ids\": []}", "text is not a string")]
    [InlineData("{\"text\": \"a\", \"ids\": [1, -2]}", "ids[1] is -2, not an id")]
    [InlineData("{\"text\": \"a\", \"ids\": [1.5]}", "ids[0] is 1.5, not an id")]
    [InlineData("{\"text\": \"a\", \"ids\": [\"1\"]}", "ids[0] is \"1\", not an id")]
    [InlineData("{\"text\": \"a\", \"ids\": [], \"more\": 1}", "unknown key \"more\"")]
    [InlineData("{\"text\": \"a\", \"text\": \"b\", \"ids\": []}", "vectors.jsonl:1: ")]
    [InlineData("{\"text\": \"\\uD800\", \"ids\": []}", "not valid Unicode")]
    public void RefusesAMalformedLine(string content, string message)
    {
        HybridException error = Assert.Throws<HybridException>(() => Read(content));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains(message, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void AMissingFileIsAnError()
    {
        HybridException error = Assert.Throws<HybridException>(() => TokenizerVectors.Read("no-such-folder/vectors.jsonl"));

        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains("no-such-folder/vectors.jsonl", error.Message);
    }

    private static TokenizerVectors Read(string content)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("vectors.jsonl");
        File.WriteAllText(path, content);
        return TokenizerVectors.Read(path);
    }
}
