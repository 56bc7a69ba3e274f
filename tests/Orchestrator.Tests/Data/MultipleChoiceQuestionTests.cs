using Hybrid.Orchestrator.Data;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class MultipleChoiceQuestionTests
{
    [Fact]
    public void EqualPartsMakeEqualQuestions()
    {
        MultipleChoiceQuestion one = Make();

        Assert.Equal(one, Make());
        Assert.Equal(one.GetHashCode(), Make().GetHashCode());
        Assert.NotEqual(one, one with { Question = "other" });
        Assert.NotEqual(one, one with { Answer = 2 });
        Assert.NotEqual(one, one with { Choices = ["b", "a", "c", "d"] });
    }

    [Fact]
    public void LaterChangesToTheGivenListDoNotReachIn()
    {
        string[] choices = ["a", "b", "c", "d"];
        MultipleChoiceQuestion question = new() { Question = "q", Choices = choices, Answer = 0 };

        choices[0] = "changed";

        Assert.Equal("a", question.Choices[0]);
        Assert.Throws<NotSupportedException>(() => ((IList<string>)question.Choices)[0] = "changed");
    }

    [Fact]
    public void RefusesWhatIsNoQuestion()
    {
        Assert.ThrowsAny<ArgumentException>(() => Make() with { Question = " " });
        Assert.ThrowsAny<ArgumentException>(() => Make() with { Choices = ["a", "b", "c"] });
        Assert.ThrowsAny<ArgumentException>(() => Make() with { Choices = ["a", "b", "c", ""] });
        Assert.ThrowsAny<ArgumentException>(() => Make() with { Answer = 4 });
        Assert.ThrowsAny<ArgumentException>(() => Make() with { Answer = -1 });
    }

    private static MultipleChoiceQuestion Make() => new() { Question = "q", Choices = ["a", "b", "c", "d"], Answer = 1 };
}
