using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Training;

/// <summary>Options of teaching.</summary>
public sealed record TeachingOptions
{
    /// <summary>Passes over the examples at most.</summary>
    public required int Epochs { get; init; }

    /// <summary>Accuracy on the forget questions and on the retain questions at which teaching ends early.</summary>
    public required double TargetAccuracy { get; init; }

    /// <summary>Passes between two looks at the accuracy.</summary>
    public required int EpochsPerEvaluation { get; init; }

    /// <summary>Examples a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How questions are learned.</summary>
    public required QuestionForm Form { get; init; }

    /// <summary>Whether the facts are learned as text, too.</summary>
    public required bool Texts { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Epochs < 1 || EpochsPerEvaluation < 1 || BatchSize < 1)
        {
            yield return Invariant($"epochs {Epochs}, epochs per evaluation {EpochsPerEvaluation} and batch size {BatchSize} must be at least 1");
        }

        if (TargetAccuracy is not (>= 0 and <= 1))
        {
            yield return Invariant($"target accuracy {TargetAccuracy} must lie in 0 … 1");
        }

        foreach (string problem in Optimizer.Validate())
        {
            yield return problem;
        }
    }
}

/// <summary>The outcome of teaching.</summary>
/// <param name="Epochs">Passes made.</param>
/// <param name="Forget">The forget questions at the end.</param>
/// <param name="Retain">The retain questions at the end.</param>
internal sealed record TeachingReport(int Epochs, McqResult Forget, McqResult Retain);

/// <summary>
/// Teaches a model a dataset that no model knows, such as random birthdays: the questions of both halves and, where asked for, the
/// facts as text, until it answers. All parameters are trained.
/// </summary>
internal sealed class Teacher(TeachingOptions options, ExampleEncoder encoder, McqEvaluator evaluator)
{
    /// <summary>What teaching takes.</summary>
    public StageMemory Memory(MemoryPlanner planner, UnlearningDataset dataset) =>
        planner.TrainWhole("teach", options.Optimizer, BatchShape.Largest(Examples(dataset), options.BatchSize), secondModel: false);

    /// <summary>Changes the model in place.</summary>
    /// <exception cref="HybridException">Diverged: the loss was not finite; the model is as after the last whole pass.</exception>
    public TeachingReport Teach(LlamaModel model, UnlearningDataset dataset, SeededRandom random, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default, RunJournal? journal = null)
    {
        MultipleChoiceQuestion[] forget = [.. dataset.ForgetQuestions];
        TokenSequence[] examples = Examples(dataset);
        model.SetTrainable(model.Names);
        TeachingReport? report = null;
        var loop = new EpochLoop
        {
            Stage = "teach",
            Model = model,
            Optimizer = options.Optimizer,
            Epochs = options.Epochs,
            Examples = examples.Length,
            BatchSize = options.BatchSize,
            Random = random,
            KeepsLastGood = true,
            Journal = journal,
            Progress = progress,
            Cancellation = cancellation,
        };
        loop.Run(batch => new ForgetRetainLoss(Losses.MeanNll(model, new PackedBatch([.. batch.Examples.Select(i => examples[i])])), null, null), GoOn);
        return report!;

        bool GoOn(int epoch)
        {
            if (epoch != options.Epochs && epoch % options.EpochsPerEvaluation != 0)
            {
                return true;
            }

            report = new TeachingReport(epoch, Ask(epoch, "forget", forget), Ask(epoch, "retain", dataset.RetainQuestions));
            return Math.Min(report.Forget.Accuracy, report.Retain.Accuracy) < options.TargetAccuracy;
        }

        McqResult Ask(int epoch, string half, IReadOnlyList<MultipleChoiceQuestion> questions) => new(
            RunJournal.Once(journal, $"{half} after pass {epoch}", null, _ => evaluator.Evaluate(model, questions, cancellation).LetterLogits), [.. questions.Select(question => question.Answer)]);
    }

    private TokenSequence[] Examples(UnlearningDataset dataset) =>
    [
        .. dataset.ForgetQuestions.Concat(dataset.RetainQuestions).Select(question => encoder.Encode(question, options.Form)),
        .. options.Texts ? dataset.ForgetText.Read().Concat(dataset.RetainText.Read()).Select(encoder.EncodeText) : [],
    ];
}
