using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Text;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Text;

public sealed class PieceScannersTests
{
    [Theory]
    [InlineData("I'm WE'LL It'Sx", "I|'m| WE|'LL| It|'S|x")]
    [InlineData("'re've'd'T'l", "'re|'ve|'d|'T|'l")]
    [InlineData("x'\u017Fy", "x|'\u017F|y")] // the long s folds to s
    [InlineData("12345678 9½Ⅳ", "123|456|78| |9½Ⅳ")]
    [InlineData("a  b", "a| | b")]
    [InlineData("a   ", "a|   ")]
    [InlineData(" \n \n  b", " \n \n| | b")]
    [InlineData("\t\tif", "\t|\tif")]
    [InlineData("a \r\n\r\nb", "a| \r\n\r\n|b")]
    [InlineData("end.\n\nnext", "end|.\n\n|next")]
    [InlineData(" !?\r\nx", " !?\r\n|x")]
    [InlineData("(foo) -bar", "(foo|)| -|bar")]
    [InlineData("\u00A0a \u3000 b", "\u00A0a| \u3000| b")]
    [InlineData("\u0085\u001Ca\u180E", "\u0085|\u001Ca|\u180E")] // white space; not white space; not white space
    [InlineData("e\u0301a", "e|\u0301a")] // a mark is no letter
    [InlineData("\U00010400\U00020000 \U0001D7D9\U0001D7D9\U0001D7D9\U0001D7D9", "\U00010400\U00020000| |\U0001D7D9\U0001D7D9\U0001D7D9|\U0001D7D9")]
    [InlineData("hi 😀😀x", "hi| 😀😀|x")]
    [InlineData("😀\U00010400", "😀\U00010400")] // one other, however many units long, may start a run of letters
    public void Llama3(string text, string pieces) =>
        Assert.Equal(pieces, string.Join('|', PreTokenizer.Split(PieceScanners.Llama3, text)));

    [Fact]
    public void UnpairedSurrogatesAreNoLetters() =>
        Assert.Equal(["a", " \uD83D", " b", "\uDE00"], PreTokenizer.Split(PieceScanners.Llama3, "a \uD83D b\uDE00"));

    [Theory]
    [InlineData("I'm WE'LL", "I|'m| WE|'|LL")]
    [InlineData("12345 678", "12345| 678")]
    [InlineData("a  b\n\nc", "a| | b|\n|\n|c")]
    [InlineData("x=(1) ", "x|=(|1|)| ")]
    [InlineData("\ta \U00010400!", "\t|a| \U00010400|!")]
    public void Gpt2(string text, string pieces) =>
        Assert.Equal(pieces, string.Join('|', PreTokenizer.Split(PieceScanners.Gpt2, text)));

    [Theory]
    [InlineData(PieceScanners.Llama3Pattern)]
    [InlineData(PieceScanners.Gpt2Pattern)]
    public void AgreeWithTheRegexUpToUFFFF(string pattern)
    {
        // Up to U+FFFF .NET's classes are those of the pattern, save that it does not fold the long s.
        Regex regex = new(pattern, RegexOptions.CultureInvariant);
        PieceScanner scan = PieceScanners.For(pattern)!;

        Prop.ForAll(
            UnicodeText.Bmp,
            text => text.Contains('\u017F') || regex.Matches(text).Select(match => match.Value).SequenceEqual(PreTokenizer.Split(scan, text)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }
}
