using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Hybrid.Orchestrator.Tests.Text;

/// <summary>Random valid Unicode text that is rich in what pre-tokenizers tell apart.</summary>
internal static class UnicodeText
{
    private const string Telling = "abstvremldSTM'' \t\r\n\n  019½Ⅳ.,!?-_<>|é世ж\u0301\u00A0\u3000\u0085\u180E\u001C\u2028\uFFFD\0";

    /// <summary>Text of code points up to U+FFFF.</summary>
    public static Arbitrary<string> Bmp { get; } = Text(
        Gen.Frequency((6, Gen.Elements(Telling.ToCharArray()).Select(value => (int)value)), (1, Scalar(0, 0xD7FF)), (1, Scalar(0xE000, 0xFFFF))));

    /// <summary>Text of any code points.</summary>
    public static Arbitrary<string> Any { get; } = Text(
        Gen.Frequency(
            (6, Gen.Elements(Telling.ToCharArray()).Select(value => (int)value)),
            (1, Scalar(0, 0xD7FF)),
            (1, Scalar(0xE000, 0xFFFF)),
            (1, Scalar(0x10000, 0x10FFFF)),
            (1, Gen.Elements(0x10400, 0x20000, 0x1D7D9, 0x1F600, 0x1F468))));

    private static Gen<int> Scalar(int low, int high) => Gen.Choose(low, high);

    private static Arbitrary<string> Text(Gen<int> scalars) => Arb.From(
        Gen.ListOf(scalars).Select(values => string.Concat(values.Select(value => new Rune(value).ToString()))),
        text => text.Length == 0 ? [] : [.. Pieces(text)]);

    // Shrinks by leaving out one code point.
    private static IEnumerable<string> Pieces(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        for (int i = 0; i < runes.Length; i++)
        {
            yield return string.Concat(runes.Where((_, index) => index != i).Select(rune => rune.ToString()));
        }
    }
}
