using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;

namespace Hybrid.Samples.Extensions;

/// <summary>The mean probability that a model gives the right letter of a forget question, among the four letters. 1/4 is guessing.</summary>
public sealed class LetterConfidence : IModelMetric
{
    public string Name => "letter-confidence";

    public string Version => "1";

    public double Measure(MeasuredModel model, CancellationToken cancellation)
    {
        MultipleChoiceQuestion[] questions = [.. model.Dataset.ForgetQuestions];
        McqResult result = new McqEvaluator(model.Encoder).Evaluate(model.Model, questions, cancellation);
        return questions.Zip(result.LetterLogits, (question, logits) => 1 / logits.Sum(logit => Math.Exp(logit - logits[question.Answer]))).Average();
    }
}
