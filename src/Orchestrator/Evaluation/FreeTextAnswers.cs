using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>Answers questions in free text: the choices are not shown.</summary>
internal sealed class FreeTextAnswers(Tokenizer tokenizer, ExampleEncoder encoder, int maximumNewTokens)
{
    private readonly GreedyDecoder decoder = new(tokenizer, new DecodingOptions
    {
        MaximumNewTokens = maximumNewTokens,
        StopTexts = ["\n", "Answer"], // the answer is a line, and small models go on with the next question's cue
        BatchSize = McqEvaluator.UsualBatchSize,
    });

    /// <summary>The prompt of a question: <c>{question}\nAnswer:</c>.</summary>
    public static string Prompt(MultipleChoiceQuestion question) => $"{question.Question}\nAnswer:";

    /// <summary>The answers, in the questions' order, trimmed; one may be empty.</summary>
    /// <exception cref="HybridException">Diverged, Tokenizer.</exception>
    public IReadOnlyList<string> Answer(LlamaModel model, IReadOnlyList<MultipleChoiceQuestion> questions, CancellationToken cancellation = default) =>
        [.. decoder.Continue(model, [.. questions.Select(question => encoder.EncodePrompt(Prompt(question)))], cancellation).Select(text => text.Trim())];
}
