using FsCheck;
using FsCheck.Fluent;
using Hybrid.Orchestrator.Data;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Data;

public sealed class McqPromptTests
{
    private const string Prompt = "When was Aidan Li born?\nA. 1961\nB. 1965\nC. 1958\nD. 1994\nAnswer:";

    private static readonly MultipleChoiceQuestion Question =
        new() { Question = "When was Aidan Li born?", Choices = ["1961", "1965", "1958", "1994"], Answer = 1 };

    [Fact]
    public void RendersThePrompt() => Assert.Equal(Prompt, McqPrompt.Render(Question));

    [Theory]
    [InlineData(QuestionForm.QuestionLetterAnswer, "", Prompt + " B. 1965")]
    [InlineData(QuestionForm.LetterAnswer, Prompt, " B. 1965")]
    [InlineData(QuestionForm.Letter, Prompt, " B")]
    public void MakesEachForm(QuestionForm form, string prompt, string target) =>
        Assert.Equal(new PromptAndTarget(prompt, target), McqPrompt.Make(Question, form));

    [Fact]
    public void GivesAWrongChoiceWhenAsked() =>
        Assert.Equal(" D. 1994", McqPrompt.Make(Question, 3, QuestionForm.LetterAnswer).Target);

    [Fact]
    public void TheTwoFormsWithAnswerAreTheSameText()
    {
        Gen<MultipleChoiceQuestion> questions =
            from words in Gen.ArrayOf(Gen.Choose(0, 99), 5)
            from answer in Gen.Choose(0, 3)
            select new MultipleChoiceQuestion
            {
                Question = $"Q{words[0]}", Choices = [.. words[1..].Select(word => $"c{word}")], Answer = answer,
            };

        Prop.ForAll(questions.ToArbitrary(), question =>
        {
            PromptAndTarget split = McqPrompt.Make(question, QuestionForm.LetterAnswer);
            PromptAndTarget whole = McqPrompt.Make(question, QuestionForm.QuestionLetterAnswer);
            return whole.Target == split.Prompt + split.Target
                && split.Target == $" {"ABCD"[question.Answer]}. {question.CorrectChoice}";
        }).QuickCheckThrowOnFailure();
    }
}
