using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Tests.Model;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Evaluation;

/// <summary>Likelihood of choices and of texts, against softmax written out.</summary>
[LeakLedger]
public sealed class LikelihoodTests : IDisposable
{
    private static readonly MultipleChoiceQuestion[] Questions =
    [
        new() { Question = "Which?", Choices = ["one", "two", "three", "four"], Answer = 2 },
        new() { Question = "Which of these is it?", Choices = ["1", "22", "a longer one", "4"], Answer = 0 },
        new() { Question = "Who?", Choices = ["a", "b", "c", "d"], Answer = 3 },
    ];

    private static readonly Tokenizer Tokenizer = BpeLearner.Learn(["one two three"], 262, BpeLearner.Llama3SpecialTokens);
    private static readonly ExampleEncoder Encoder = new(Tokenizer, 50);

    private readonly LlamaModel model = TestModels.Make(TestModels.Config(vocabulary: Tokenizer.VocabularySize), 1);

    public void Dispose() => model.Dispose();

    [Fact]
    public void EveryChoiceIsScoredAfterTheQuestionAlone()
    {
        LikelihoodResult result = new LikelihoodEvaluator(Encoder).Evaluate(model, Questions);

        var means = new List<double>();
        var sums = new List<double>();
        foreach (MultipleChoiceQuestion question in Questions)
        {
            int[] prompt = Tokenizer.Encode($"{question.Question}\nAnswer:");
            foreach (string choice in question.Choices)
            {
                int[] target = Tokenizer.Encode($" {choice}");
                double[] nll = PlainNll([Tokenizer.BeginOfText!.Value, .. prompt, .. target], 1 + prompt.Length);
                Assert.Equal(target.Length, nll.Length);
                sums.Add(nll.Sum());
                means.Add(nll.Average());
            }
        }

        TestModels.AssertClose(means, [.. result.MeanNll.SelectMany(row => row)], 1e-12, "means");
        TestModels.AssertClose(sums, [.. result.SumNll.SelectMany(row => row)], 1e-12, "sums");
        Assert.Equal(Questions.Select((question, i) => Least(means, i) == question.Answer).Average(right => right ? 1.0 : 0), result.Accuracy);
        Assert.Equal(Questions.Select((question, i) => Least(sums, i) == question.Answer).Average(right => right ? 1.0 : 0), result.SumAccuracy);

        static int Least(List<double> values, int question) => values.IndexOf(values[(4 * question)..((4 * question) + 4)].Min()) - (4 * question);
    }

    [Fact]
    public void AccuraciesByHand()
    {
        // By means the answers are 2, 0, 3, by sums 2, 1, 0: all are right, then one.
        LikelihoodResult result = new([[2, 2, 1, 2], [1, 1, 2, 2], [4, 4, 4, 3]], [[2, 2, 1, 2], [5, 1, 2, 2], [1, 4, 4, 3]], Questions);

        Assert.Equal((1, 1 / 3.0), (result.Accuracy, result.SumAccuracy));
    }

    [Fact]
    public void ARepeatedChoiceIsAsRightAsTheOther()
    {
        MultipleChoiceQuestion twice = new() { Question = "When?", Choices = ["1", "2", "2", "3"], Answer = 2 };

        Assert.Equal(1, new LikelihoodResult([[2, 1, 1, 2]], [[2, 1, 1, 2]], [twice]).Accuracy);
    }

    [Fact]
    public void ATextsLikelihoodIsTheMeanOverAllTokens()
    {
        string[] texts = ["one two three", "four", new string('x', 80)];

        TextLikelihood result = TextLikelihood.Of(model, Encoder, TextCorpus.Of(texts));

        // The longest is cut on the left: begin-of-text and its last 49 tokens.
        double[] nll = [.. texts.SelectMany(text => PlainNll([Tokenizer.BeginOfText!.Value, .. Tokenizer.Encode(text).TakeLast(49)], 1))];
        Assert.Equal(nll.Length, result.Tokens);
        Assert.Equal(nll.Average(), result.MeanNll, 1e-10);
        Assert.Equal(Math.Exp(nll.Average()), result.Perplexity, 1e-8);
    }

    [Fact]
    public void NothingToAskABrokenModelOrACancellationIsAnError()
    {
        LikelihoodEvaluator evaluator = new(Encoder);

        Assert.Equal(ErrorKind.EmptySplit, Assert.Throws<HybridException>(() => evaluator.Evaluate(model, [])).Kind);
        Assert.Equal(ErrorKind.EmptySplit, Assert.Throws<HybridException>(() => TextLikelihood.Of(model, Encoder, TextCorpus.Of([]))).Kind);
        Assert.Throws<OperationCanceledException>(() => evaluator.Evaluate(model, Questions, new CancellationToken(canceled: true)));
        TestModels.Set(model, ParameterNames.FinalNorm, [.. Enumerable.Repeat(double.NaN, 8)]);
        Assert.Equal(ErrorKind.Diverged, Assert.Throws<HybridException>(() => evaluator.Evaluate(model, Questions)).Kind);
    }

    /// <summary>−log softmax of each token from <paramref name="first"/> on.</summary>
    private double[] PlainNll(int[] ids, int first)
    {
        int vocabulary = Tokenizer.VocabularySize;
        double[] logits = TestModels.Logits(model, new TokenSequence(ids.Select(id => (long)id).ToArray(), 1));
        return
        [
            .. Enumerable.Range(first, ids.Length - first).Select(position =>
            {
                double[] row = logits[((position - 1) * vocabulary)..(position * vocabulary)];
                return Math.Log(row.Sum(Math.Exp)) - row[ids[position]];
            }),
        ];
    }
}
