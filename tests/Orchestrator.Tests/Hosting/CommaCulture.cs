using System.Globalization;

namespace Hybrid.Orchestrator.Tests.Hosting;

/// <summary>
/// The calling thread, and every new one, in a culture that writes numbers as no file may: a comma in fractions, another sign, other words for what is no number. Made of the
/// invariant one, since the tests' process has no other.
/// </summary>
internal sealed class CommaCulture : IDisposable
{
    private readonly CultureInfo before = CultureInfo.CurrentCulture;
    private readonly CultureInfo? beforeForNew = CultureInfo.DefaultThreadCurrentCulture;

    public CommaCulture()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        NumberFormatInfo numbers = culture.NumberFormat;
        (numbers.NumberDecimalSeparator, numbers.NumberGroupSeparator, numbers.PercentDecimalSeparator, numbers.PercentSymbol) = (",", ".", ",", "pct");
        (numbers.NegativeSign, numbers.PositiveSign) = ("minus ", "plus ");
        (numbers.NaNSymbol, numbers.PositiveInfinitySymbol, numbers.NegativeInfinitySymbol) = ("none", "endless", "endless below");
        (culture.DateTimeFormat.DateSeparator, culture.DateTimeFormat.TimeSeparator) = ("_", "_");
        culture.DateTimeFormat.ShortDatePattern = "d. M. yyyy";
        CultureInfo.CurrentCulture = culture;
        CultureInfo.DefaultThreadCurrentCulture = culture;
        Culture = culture;
    }

    public CultureInfo Culture { get; }

    public void Dispose()
    {
        CultureInfo.CurrentCulture = before;
        CultureInfo.DefaultThreadCurrentCulture = beforeForNew;
    }
}
