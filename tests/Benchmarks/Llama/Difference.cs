namespace Hybrid.Benchmarks.Llama;

/// <summary>How far apart two lists of numbers are; infinitely, where one is empty or their lengths differ.</summary>
/// <param name="Name">What it is.</param>
/// <param name="OfEqualLengths">Of two lists of the same length, not empty.</param>
internal sealed record Difference(string Name, Func<double[], double[], double> OfEqualLengths)
{
    /// <summary>The largest relative difference; infinite, where a number is not finite.</summary>
    public static Difference Relative { get; } = new("relative difference", (ours, theirs) =>
        ours.Zip(theirs, (a, b) => double.IsFinite(a) && double.IsFinite(b) ? Math.Abs(a - b) / Math.Max(Math.Abs(b), double.Epsilon) : double.PositiveInfinity).Max());

    /// <summary>The share of places at which the tokens differ.</summary>
    public static Difference OfTokens { get; } = new("share of tokens that differ", (ours, theirs) => ours.Zip(theirs, (a, b) => a == b ? 0.0 : 1.0).Average());

    public double Of(double[] ours, double[] theirs) => ours.Length > 0 && ours.Length == theirs.Length ? OfEqualLengths(ours, theirs) : double.PositiveInfinity;
}
