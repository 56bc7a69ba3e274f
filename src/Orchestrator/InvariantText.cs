using System.Globalization;
using System.Runtime.CompilerServices;

namespace Hybrid.Orchestrator;

/// <summary>
/// What the compiler makes an interpolated message of that is given to a <see cref="HybridException"/>: its numbers look the same whatever the calling
/// thread's culture, as they do in the files that the message may quote.
/// </summary>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literalLength, int formattedCount)
{
    private DefaultInterpolatedStringHandler text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => text.AppendFormatted(value, format);

    /// <summary>The text; to be asked once.</summary>
    public string Take() => text.ToStringAndClear();
}
