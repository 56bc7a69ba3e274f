using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

public sealed class UnlearningExamplesTests
{
    private static readonly UnlearningDataset Dataset = BirthdayMaker.Make(20, 1);
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["Answer: A. 1950"], 300, BpeLearner.Llama3SpecialTokens);
    private static readonly ExampleEncoder Encoder = new(Tokenizer, 512);

    [Theory]
    [InlineData("ga")]
    [InlineData("gd")]
    [InlineData("rmu")]
    [InlineData("npo")]
    [InlineData("simnpo")]
    [InlineData("kunbr")]
    public void MostMethodsTeachNothingInstead(string method)
    {
        UnlearningExamples examples = For(method, ExampleForm.LetterAnswer);

        Assert.Equal(Dataset.ForgetQuestions.Select(question => McqPrompt.Make(question, QuestionForm.LetterAnswer).Target), examples.Forget.Select(Scored));
        Assert.Equal(Dataset.RetainText.Read(), examples.Retain.Select(example => Scored(example)));
        Assert.Empty(examples.Replacements);
    }

    [Theory]
    [InlineData(ExampleForm.LetterAnswer)]
    [InlineData(ExampleForm.Letter)]
    [InlineData(ExampleForm.QuestionLetterAnswer)]
    public void WrongAnswersAreWrongChoicesOfTheSameQuestions(ExampleForm form)
    {
        MultipleChoiceQuestion[] questions = [.. Dataset.ForgetQuestions];
        UnlearningExamples examples = For("ria", form), again = For("ria", form), other = For("ria", form, seed: 2);
        QuestionForm questionForm = Enum.Parse<QuestionForm>(form.ToString());

        int[] drawn = [.. examples.Replacements.Select((example, i) => Assert.Single(Enumerable.Range(0, 4), choice =>
            Text(example) == All(McqPrompt.Make(questions[i], choice, questionForm)) && Scored(example) == McqPrompt.Make(questions[i], choice, questionForm).Target))];

        Assert.Equal(questions.Length, drawn.Length);
        Assert.All(drawn.Zip(questions), pair => Assert.NotEqual(pair.Second.Answer, pair.First));
        Assert.True(drawn.Zip(questions).Select(pair => (pair.First - pair.Second.Answer + 4) % 4).Distinct().Count() == 3); // any of the three
        Assert.Equal(examples.Replacements.Select(Text), again.Replacements.Select(Text));
        Assert.NotEqual(examples.Replacements.Select(Text), other.Replacements.Select(Text));
    }

    [Fact]
    public void AChoiceThatRepeatsTheRightOneIsNoWrongAnswer()
    {
        UnlearningDataset With(params string[] choices) => Dataset with
        {
            ForgetSplits = [new QuestionSplit { Name = "s", Questions = [.. Enumerable.Repeat(new MultipleChoiceQuestion { Question = "When?", Choices = choices, Answer = 1 }, 30)] }],
        };

        Assert.Equal([" D. 3"], Wrong(With("2", "2", "2", "3")).Select(Scored).Distinct());
        HybridException error = Assert.Throws<HybridException>(() => Wrong(With("2", "2", "2", "2")));
        Assert.Equal(ErrorKind.DataFile, error.Kind);
        Assert.Contains("all choices of 'When?' are the right one", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongTextsStandForTheCorpus() => Assert.Equal(Dataset.WrongText.Read(), For("ria", ExampleForm.Corpus).Replacements.Select(Scored));

    [Theory]
    [InlineData(ExampleForm.LetterAnswer, false)]
    [InlineData(ExampleForm.Letter, false)]
    [InlineData(ExampleForm.QuestionLetterAnswer, true)]
    public void RefusalsAnswerTheSameQuestions(ExampleForm form, bool questionScored)
    {
        string[] prompts = [.. Dataset.ForgetQuestions.Select(McqPrompt.Render)];
        UnlearningExamples examples = For("dpo", form), again = For("dpo", form), other = For("dpo", form, seed: 2);

        Assert.Equal(prompts.Length, examples.Replacements.Count);
        string[] refusals = [.. examples.Replacements.Select((example, i) =>
        {
            Assert.StartsWith(prompts[i] + " ", Text(example), StringComparison.Ordinal);
            string refusal = Text(example)[(prompts[i].Length + 1)..];
            Assert.Equal(questionScored ? Text(example) : " " + refusal, Scored(example));
            return refusal;
        })];
        Assert.All(refusals, refusal => Assert.Contains(refusal, Refusals.Texts));
        Assert.True(refusals.Distinct().Count() > 5);
        Assert.Equal(examples.Replacements.Select(Text), again.Replacements.Select(Text));
        Assert.NotEqual(examples.Replacements.Select(Text), other.Replacements.Select(Text));
    }

    [Fact]
    public void RefusalsNeedQuestions() => Assert.Equal(ErrorKind.Config, Assert.Throws<HybridException>(() => For("dpo", ExampleForm.Corpus)).Kind);

    [Fact]
    public void RefusalsAreDifferentSentences()
    {
        Assert.Equal(Refusals.Texts.Count, Refusals.Texts.Distinct().Count());
        Assert.All(Refusals.Texts, text => Assert.Matches(@"\A[A-Z][^\n]+\.\z", text));
    }

    private static UnlearningExamples For(string method, ExampleForm form, ulong seed = 1) => UnlearningExamples.For(
        Dataset, UnlearningPresets.Find("tiny", method) with { ForgetForm = form, RetainForm = ExampleForm.Corpus }, Encoder, new SeededRandom(seed));

    private static IReadOnlyList<TokenSequence> Wrong(UnlearningDataset dataset) => ReplacementSets.WrongAnswers(dataset, ExampleForm.LetterAnswer, Encoder, new SeededRandom(1));

    private static string All(PromptAndTarget text) => text.Prompt + text.Target;

    /// <summary>The text behind the begin-of-text token.</summary>
    private static string Text(TokenSequence sequence) => Tokenizer.Decode([.. sequence.Ids[1..].ToArray().Select(id => (int)id)]);

    private static string Scored(TokenSequence sequence) => Tokenizer.Decode([.. sequence.ScoredPositions.Select(position => (int)sequence.Ids.Span[position])]);
}
