using Xunit;

namespace Hybrid.Interop.Tests.Support;

/// <summary>Assertions on numbers and on failed native calls.</summary>
internal static class Expect
{
    /// <summary>The action fails with the status, and its message holds every one of the texts.</summary>
    public static void Failure(NativeStatus status, Action action, params string[] texts)
    {
        NativeException failure = Assert.Throws<NativeException>(action);
        Assert.Equal(status, failure.Status);
        Assert.All(texts, text => Assert.Contains(text, failure.Message, StringComparison.Ordinal));
    }

    /// <summary>As many numbers, each within tolerance · max(1, |expected|).</summary>
    public static void Close(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance = 1e-12)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            double allowed = tolerance * Math.Max(1, Math.Abs(expected[i]));
            Assert.True(Math.Abs(expected[i] - actual[i]) <= allowed, $"at {i}: {actual[i]:R} instead of {expected[i]:R}, {allowed:G2} is allowed");
        }
    }
}
