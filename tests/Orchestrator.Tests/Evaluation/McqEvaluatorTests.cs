using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

[LeakLedger]
public sealed class McqEvaluatorTests : IDisposable
{
    private static readonly MultipleChoiceQuestion[] Questions =
    [
        new() { Question = "Which?", Choices = ["one", "two", "three", "four"], Answer = 2 },
        new() { Question = "Which of these much longer things is it, if any?", Choices = ["1", "2", "3", "4"], Answer = 0 },
        new() { Question = "Who?", Choices = ["a", "b", "c", "d"], Answer = 3 },
        new() { Question = "<|end_of_text|> where?", Choices = ["here", "there", "somewhere else altogether", "nowhere"], Answer = 1 },
        new() { Question = "When was it?", Choices = ["1901", "1902", "1903", "1904"], Answer = 1 },
    ];

    // " A", " B", " C", " D" become tokens; one of the special tokens begins every sequence.
    private static readonly Tokenizer Tokenizer = BpeLearner.Learn([" A. A. B. B. C. C. D. D", " A. B. C. D."], 262, BpeLearner.Llama3SpecialTokens);
    private static readonly ExampleEncoder Encoder = new(Tokenizer, 200);
    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize), 1);

    public void Dispose() => model.Dispose();

    [Fact]
    public void LettersAreTheTokensThatFollowAnswer()
    {
        Assert.Equal([" A", " B", " C", " D"], Encoder.LetterIds().Select(id => Tokenizer.Decode([(int)id])));

        // Where no merge joins blank and letter, the four would begin with one token, a blank: that cannot be read.
        Tokenizer bytes = BpeLearner.Learn(["x"], 258, BpeLearner.Llama3SpecialTokens);
        Assert.Equal(ErrorKind.Tokenizer, Assert.Throws<HybridException>(() => new McqEvaluator(new ExampleEncoder(bytes, 200), 4)).Kind);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    public void LetterLogitsAreThoseOfTheFullLogitsAtTheLastToken(int batchSize)
    {
        McqResult result = new McqEvaluator(Encoder, batchSize).Evaluate(model, Questions);

        long[] letters = Encoder.LetterIds();
        int vocabulary = Tokenizer.VocabularySize;
        var expected = new List<double[]>();
        foreach (MultipleChoiceQuestion question in Questions)
        {
            TokenSequence prompt = Encoder.EncodePrompt(McqPrompt.Render(question));
            Assert.Equal(Tokenizer.BeginOfText, (int)prompt.Ids.Span[0]);
            double[] logits = TestModels.Logits(model, prompt)[^vocabulary..];
            expected.Add([.. letters.Select(letter => logits[letter])]);
        }

        Assert.Equal(5, result.Count);
        TestModels.AssertClose([.. expected.SelectMany(row => row)], [.. result.LetterLogits.SelectMany(row => row)], 1e-12, "letter logits");
        Assert.Equal(expected.Select((row, i) => Array.IndexOf(row, row.Max()) == Questions[i].Answer), result.Correct);
    }

    [Fact]
    public void TheAnswerIsNotInThePrompt()
    {
        McqEvaluator evaluator = new(Encoder, 2);
        McqResult right = evaluator.Evaluate(model, Questions), other = evaluator.Evaluate(model, [.. Questions.Select(question => question with { Answer = (question.Answer + 1) % 4 })]);

        Assert.Equal(right.LetterLogits, other.LetterLogits);
        Assert.All(right.Correct.Zip(other.Correct), pair => Assert.False(pair.First && pair.Second));
    }

    [Fact]
    public void NoQuestionABrokenModelOrACancellationIsAnError()
    {
        McqEvaluator evaluator = new(Encoder, 2);

        Assert.Equal(ErrorKind.EmptySplit, Assert.Throws<HybridException>(() => evaluator.Evaluate(model, [])).Kind);
        Assert.Throws<OperationCanceledException>(() => evaluator.Evaluate(model, Questions, new CancellationToken(canceled: true)));
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);
        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => evaluator.Evaluate(model, Questions)).Kind);
    }

    [Fact]
    public void EvaluatingChangesNothing()
    {
        using LlamaModel before = model.Clone();
        model.SetTrainable(model.Names);

        new McqEvaluator(Encoder, 2).Evaluate(model, Questions);

        Assert.Empty(TestModels.Changed(before, model));
        Assert.Equal(model.Names, model.Trainable());
    }
}
