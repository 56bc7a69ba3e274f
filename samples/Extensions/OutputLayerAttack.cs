using Hybrid.Interop;
using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Samples.Extensions;

/// <summary>Retrains the output matrix and the norm before it, and nothing else, on the questions that the attacker knows: is what was forgotten only one matrix away?</summary>
public sealed class OutputLayerAttack : IModelAttack
{
    private const int Epochs = 4, BatchSize = 8;

    private static readonly OptimizerOptions Optimizer = new() { Kind = OptimizerKind.AdamW, LearningRate = 1e-3, WarmupSteps = 0, WeightDecay = 0 };

    public string Name => "output-layer";

    public string Version => "1";

    public void Attack(AttackTarget target)
    {
        string head = target.Model.Config.TiedEmbeddings ? ParameterNames.Embedding : ParameterNames.Head;
        target.Model.SetTrainable([head, ParameterNames.FinalNorm]);
        TokenSequence[] known = [.. target.Known.Select(question => target.Encoder.Encode(question, QuestionForm.LetterAnswer))];
        var loop = new EpochLoop
        {
            Stage = Name,
            Model = target.Model,
            Optimizer = Optimizer,
            Epochs = Epochs,
            Examples = known.Length,
            BatchSize = BatchSize,
            Random = target.Random,
            KeepsLastGood = false,
            Journal = target.Journal,
            Progress = target.Progress,
            Cancellation = target.Cancellation,
        };
        loop.Run(batch =>
        {
            Tensor nll = Losses.MeanNll(target.Model, new PackedBatch([.. batch.Examples.Select(i => known[i])]));
            return new ForgetRetainLoss(nll, null, null);
        });
    }
}
