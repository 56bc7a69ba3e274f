using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>The losses that the methods are made of. NLL is in nats; every loss is minimised.</summary>
public static class Losses
{
    /// <summary>Logits (float32) of up to this many bytes are kept for backward, which saves one product of four with the output matrix.</summary>
    private const long KeptLogitBytes = 64 << 20;

    /// <summary>Rows of logits that exist at a time beyond that: enough to keep the product busy, little beside a large vocabulary's [T,V].</summary>
    private const int LogitChunkRows = 1024;

    /// <summary>NLL of each scored token, [N], from hidden states before the final norm, [T,D]. Only rows that predict a scored token are normed and projected.</summary>
    public static Tensor TokenNll(LlamaModel model, Tensor hidden, PackedBatch batch)
    {
        long bytes = 4L * batch.Targets.Length * model.Config.VocabularySize;
        int chunk = bytes <= KeptLogitBytes ? Math.Max(1, batch.Targets.Length) : LogitChunkRows;
        return Transformer.TokenNll(model.Normalize(hidden.Select(0, batch.PredictorRows)), model.Head, batch.Targets, chunk);
    }

    /// <summary>NLL of each scored token of the batch, [N].</summary>
    public static Tensor TokenNll(LlamaModel model, PackedBatch batch) => TokenNll(model, model.HiddenStates(batch), batch);

    /// <summary>Mean NLL over the batch's scored tokens, [].</summary>
    public static Tensor MeanNll(LlamaModel model, PackedBatch batch) => TokenNll(model, batch).Mean();

    /// <summary>Sum of the scored tokens' NLL of each sequence, [B].</summary>
    public static Tensor SequenceNll(LlamaModel model, PackedBatch batch) => TokenNll(model, batch).SegmentSum(batch.ScoredOffsets);

    /// <summary>
    /// Gradient difference, −NLL(forget) + α NLL(retain), each the mean over its own scored tokens, from the token NLLs [N] of one batch
    /// whose first <paramref name="forgetTokens"/> scored tokens are the forget set's: one forward serves both.
    /// </summary>
    public static ForgetRetainLoss GradientDifference(Tensor tokenNll, int forgetTokens, double alpha)
    {
        long retainTokens = tokenNll.Count - forgetTokens;
        Tensor forget = tokenNll.Narrow(0, 0, forgetTokens).Mean();
        if (retainTokens == 0)
        {
            return new ForgetRetainLoss(-forget, forget, null);
        }

        Tensor retain = tokenNll.Narrow(0, forgetTokens, retainTokens).Mean();
        return new ForgetRetainLoss((alpha * retain) - forget, forget, retain);
    }

    /// <summary>
    /// NPO (Zhang et al. 2024): −(2/β) · mean over sequences of log σ(β (NLL − reference NLL)), NLLs [B] being sums over a sequence's
    /// scored tokens and the reference's the original model's.
    /// </summary>
    public static Tensor Npo(Tensor sequenceNll, Tensor referenceNll, double beta) =>
        (-2 / beta) * (beta * (sequenceNll - referenceNll)).LogSigmoid().Mean();

    /// <summary>
    /// RMU (Li et al. 2024): mse(h_f, c·u/‖u‖) + α · mse(h_r, h_r⁰) over hidden states [T,D] after one layer, each the mean over tokens of the
    /// mean over D. <paramref name="direction"/> is u [D].
    /// </summary>
    public static Tensor Rmu(Tensor forgetHidden, Tensor direction, double steeringCoefficient, Tensor retainHidden, Tensor referenceRetainHidden, double alpha)
    {
        double length = Math.Sqrt(direction.Square().Sum().Item());
        Tensor target = (steeringCoefficient / length) * direction;
        return (forgetHidden - target).Square().Mean() + (alpha * (retainHidden - referenceRetainHidden).Square().Mean());
    }
}

/// <summary>A loss with the two parts it weighs, for reporting; all of shape [].</summary>
/// <param name="Total">What is minimised.</param>
/// <param name="Forget">Mean NLL of the forget tokens; null where the loss has no such part.</param>
/// <param name="Retain">Mean NLL of the retain tokens; null where the loss has no such part.</param>
public sealed record ForgetRetainLoss(Tensor Total, Tensor? Forget, Tensor? Retain);
