using Hybrid.Orchestrator.Utility;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Utility;

/// <summary>Scores of answers, on cases worked by hand.</summary>
public sealed class AnswerTextTests
{
    [Theory]
    [InlineData("The  Cat's, a hat!", "cats hat")]
    [InlineData("(A)", "")]
    [InlineData("(B)", "b")]
    [InlineData("an", "")]
    [InlineData("Anthem of the sea\n", "anthem of sea")]
    [InlineData("U.S.A.", "usa")]
    [InlineData("a.", "")] // the period goes first, then the article
    [InlineData("“quoted” – ÉTÉ", "“quoted” – été")] // only ASCII's punctuation goes
    [InlineData(" \t", "")]
    [InlineData("", "")]
    public void NormalizedTexts(string text, string expected) => Assert.Equal(expected, AnswerText.Normalize(text));

    [Theory]
    [InlineData("Yes", "yes", true)]
    [InlineData("the No.", "No", true)]
    [InlineData("B", "(B)", true)]
    [InlineData("(C)", "(B)", false)]
    [InlineData("(A)", "(A)", true)]
    [InlineData(" (A) ", "(A)", true)]
    [InlineData("(a)", "(A)", false)] // as it stands, since nothing is left of it
    [InlineData("A", "(A)", false)]
    [InlineData("", "(A)", false)]
    [InlineData("()", "(A)", false)]
    [InlineData("(A)", "(B)", false)]
    [InlineData("} ]", "} ]", true)]
    [InlineData("] }", "} ]", false)]
    [InlineData("", "no", false)]
    public void StrictExactMatch(string answer, string gold, bool expected) => Assert.Equal(expected, AnswerText.ExactMatch(answer, gold));

    [Theory]
    [InlineData("(B)", "(B)", true)] // the letter B
    [InlineData("(A)", "(B)", true)] // both "(A)" and "(" become nothing
    [InlineData("(A)", "(A)", true)]
    [InlineData("yes", "yes", false)] // three letters equal none of them
    [InlineData("s", "yes", true)]
    [InlineData("13", "13", false)]
    [InlineData("3", "13", true)]
    [InlineData("", "(A)", false)] // NOANSWER
    [InlineData("the", "valid", true)] // nothing, as the article a
    public void RwkusExactMatchMeetsTheLettersOfTheGold(string answer, string gold, bool expected) => Assert.Equal(expected, AnswerText.RwkuExactMatch(answer, gold));

    [Theory]
    [InlineData("The Eiffel Tower", 1, "Eiffel Tower")]
    [InlineData("It is the Eiffel Tower", 2.0 / 3, "Eiffel Tower")] // 2 of 4 words and 2 of 2: 2·½·1 / 1½
    [InlineData("Paris", 0, "London")]
    [InlineData("Paris", 1, "London", "paris.")] // the best name
    [InlineData("new new york", 0.8, "New York")] // new counts once: 2/3 and 2/2
    [InlineData("", 0, "Paris")]
    [InlineData("", 1, "The")] // neither has words
    [InlineData("a", 0, "Paris")]
    [InlineData("Paris", 0, "The", "A")]
    public void TokenF1(string answer, double expected, params string[] golds) => Assert.Equal(expected, AnswerText.TokenF1(answer, golds), 12);
}
