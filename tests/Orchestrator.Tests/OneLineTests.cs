using Xunit;

namespace Hybrid.Orchestrator.Tests;

/// <summary>An error's message is one line of text, whatever it quotes.</summary>
public sealed class OneLineTests
{
    [Fact]
    public void BreaksAndControlsAreReplaced()
    {
        (string Text, string Line)[] cases =
        [
            ("as it is: é ✓ \U0001F600", "as it is: é ✓ \U0001F600"),
            ("a\nb\r\nc\rd", "a b c d"),
            ("a\u0085b\u2028c\u2029d", "a b c d"),
            ("\u001b[2J\a\t\0\u007f\u009b", "?[2J?????"),
            ("\u202eabc\u2066", "?abc?"),
            ("a\ud800b\udc00", "a\ufffdb\ufffd"),
        ];

        Assert.All(cases, each => Assert.Equal(each.Line, new HybridException(ErrorKind.Config, each.Text).Message));
    }

    [Fact]
    public void AMiddleThatIsTooLongIsLeftOut()
    {
        string line = new HybridException(ErrorKind.Config, "file: " + new string('x', 10_000) + "; expected less").Message;

        Assert.Equal(2000, line.Length);
        Assert.StartsWith("file: xxx", line, StringComparison.Ordinal);
        Assert.Contains("x … x", line, StringComparison.Ordinal);
        Assert.EndsWith("xxx; expected less", line, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatFitsIsWhole()
    {
        string text = new('x', 2000);

        Assert.Equal(text, new HybridException(ErrorKind.Config, text).Message);
    }
}
