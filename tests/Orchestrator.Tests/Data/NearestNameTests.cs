using Hybrid.Orchestrator.Data;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("flaw", "lawn", 2)]
    public void CountsEdits(string from, string to, int distance)
    {
        Assert.Equal(distance, NearestName.Distance(from, to));
        Assert.Equal(distance, NearestName.Distance(to, from));
    }

    [Theory]
    [InlineData("wmdp", "wmdp-deduped")]
    [InlineData("MLU", "mmlu")]
    [InlineData("yaers", "years")]
    [InlineData("", "mmlu")]
    public void PrefersWhatContainsTheTypedThenTheFewestEdits(string typed, string expected) =>
        Assert.Equal(expected, NearestName.Of(typed, ["mmlu", "years", "wmdp-deduped"]));
}
