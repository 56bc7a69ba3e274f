using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>Answers multiple-choice questions by the largest of the four letters' logits after "Answer:".</summary>
public sealed class McqEvaluator(ExampleEncoder encoder, int batchSize = McqEvaluator.UsualBatchSize)
{
    /// <summary>Questions a forward pass: enough to fill a CPU, little memory on a large model.</summary>
    public const int UsualBatchSize = 32;

    private readonly long[] letters = encoder.LetterIds();

    /// <summary>Asks every question.</summary>
    /// <exception cref="HybridException">EmptySplit: there is no question.</exception>
    public McqResult Evaluate(LlamaModel model, IReadOnlyList<MultipleChoiceQuestion> questions, CancellationToken cancellation = default)
    {
        if (questions.Count == 0)
        {
            throw new HybridException(ErrorKind.EmptySplit, "no question to evaluate");
        }

        var logits = new double[questions.Count][];
        // Questions of like length share a batch, so that tasks of a batch are of one size.
        TokenSequence[] prompts = [.. questions.Select(question => encoder.EncodePrompt(McqPrompt.Render(question)))];
        foreach (int[] batch in Enumerable.Range(0, prompts.Length).OrderBy(i => prompts[i].Ids.Length).ThenBy(i => i).Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            double[] values = LetterLogits(model, new PackedBatch([.. batch.Select(i => prompts[i])]));
            for (int row = 0; row < batch.Length; row++)
            {
                logits[batch[row]] = values[(row * letters.Length)..((row + 1) * letters.Length)];
            }
        }

        return new McqResult(logits, [.. questions.Select(question => question.Answer)]);
    }

    /// <summary>The largest batch of these questions.</summary>
    internal BatchShape LargestBatch(IEnumerable<MultipleChoiceQuestion> questions) =>
        BatchShape.Largest([.. questions.Select(question => encoder.EncodePrompt(McqPrompt.Render(question)))], batchSize);

    /// <summary>The letters' logits at the last token of each prompt, [B,4] row-major.</summary>
    private double[] LetterLogits(LlamaModel model, PackedBatch batch)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        Tensor last = model.Normalize(model.HiddenStates(batch).Select(0, batch.LastRows()));  // [B,D]
        Tensor rows = model.Head.Select(0, letters);                                           // [4,D]
        return last.MatMul(rows, transposeOther: true).ToDoubles();                            // [B,4]
    }
}
