using Hybrid.Faults;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

/// <summary>The short part of <c>./build.sh faults --only determinism</c>: the same seed and threads give the same bytes, twice in one process.</summary>
[LeakLedger]
public sealed class SameBytesTests
{
    private readonly SameBytes work = new(seed: 3);

    /// <summary>Everything in float32; in all types, and with two threads, what the most of the code takes part in.</summary>
    public static TheoryData<string, string, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, int>();
            foreach (SameBytesCase one in SameBytes.All.Where(one => one is { Precision: "float32", Threads: 1 } || (one.Work == "kunbr" && one.Threads == 2)))
            {
                cases.Add(one.Work, one.Precision, one.Threads);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheSameSeedGivesTheSameBytes(string kind, string precision, int threads)
    {
        var one = new SameBytesCase(kind, precision, threads);

        Assert.Equal(work.Digest(one), work.Digest(one));
    }

    [Theory]
    [InlineData("gd")]
    [InlineData("density")]
    [InlineData("rtt")]
    public void AnotherSeedGivesOthers(string kind)
    {
        var one = new SameBytesCase(kind, "float32", 1);

        Assert.NotEqual(work.Digest(one), new SameBytes(seed: 4).Digest(one));
    }

    [Fact]
    public void EveryMethodAndAttackIsTried() => Assert.Equal(
        ["ga", "gd", "rmu", "ria", "npo", "simnpo", "dpo", "kunbr", "learn", "density", "rtt", "quantization", "retain-relearning"],
        SameBytes.All.Select(one => one.Work).Distinct());
}
