using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>
/// Answers multiple-choice questions by the likelihood of the choices' texts: <c> {choice}</c> after <c>{question}\nAnswer:</c>, where no
/// choice is shown. It asks for the fact apart from letters, which an unlearned model may merely have lost the use of.
/// </summary>
internal sealed class LikelihoodEvaluator(ExampleEncoder encoder)
{
    /// <summary>Asks every question.</summary>
    /// <exception cref="HybridException">EmptySplit: there is no question. Diverged: a likelihood is not a number.</exception>
    public LikelihoodResult Evaluate(LlamaModel model, IReadOnlyList<MultipleChoiceQuestion> questions, CancellationToken cancellation = default)
    {
        if (questions.Count == 0)
        {
            throw new HybridException(ErrorKind.EmptySplit, "no question to evaluate");
        }

        TokenSequence[] sequences =
        [
            .. questions.SelectMany(question => question.Choices.Select(choice => encoder.Encode(new PromptAndTarget(FreeTextAnswers.Prompt(question), $" {choice}")))),
        ];
        double[] sums = SequenceLikelihood.SumNll(model, sequences, McqEvaluator.UsualBatchSize, cancellation);
        double[] means = [.. sums.Select((sum, i) => sum / sequences[i].ScoredPositions.Count)];
        return new LikelihoodResult([.. means.Chunk(MultipleChoiceQuestion.ChoiceCount)], [.. sums.Chunk(MultipleChoiceQuestion.ChoiceCount)], questions);
    }
}

/// <summary>How likely each question's choices are.</summary>
internal sealed class LikelihoodResult
{
    /// <summary>From NLLs in nats, four a question.</summary>
    public LikelihoodResult(IReadOnlyList<double[]> meanNll, IReadOnlyList<double[]> sumNll, IReadOnlyList<MultipleChoiceQuestion> questions)
    {
        MeanNll = meanNll;
        SumNll = sumNll;
        Accuracy = ShareOfLeast(meanNll, questions);
        SumAccuracy = ShareOfLeast(sumNll, questions);
    }

    /// <summary>Mean NLL of a choice's tokens, four a question: a longer choice is not less likely for its length.</summary>
    public IReadOnlyList<double[]> MeanNll { get; }

    /// <summary>NLL of a choice's text, four a question.</summary>
    public IReadOnlyList<double[]> SumNll { get; }

    /// <summary>Share of questions whose right choice has the least <see cref="MeanNll"/>; the first of equals, and a repeated choice is as right as the other.</summary>
    public double Accuracy { get; }

    /// <summary>The same by <see cref="SumNll"/>.</summary>
    public double SumAccuracy { get; }

    private static double ShareOfLeast(IReadOnlyList<double[]> nll, IReadOnlyList<MultipleChoiceQuestion> questions) =>
        questions.Select((question, i) => question.Choices[Array.IndexOf(nll[i], nll[i].Min())] == question.CorrectChoice).Average(right => right ? 1.0 : 0.0);
}
