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
        int rows = LogitRows(batch.Targets.Length, model.Config.VocabularySize);
        return Transformer.TokenNll(model.Normalize(hidden.Select(0, batch.PredictorRows)), model.Head, batch.Targets, rows);
    }

    /// <summary>Rows of logits that exist at a time for so many scored tokens: all of them, which are kept for backward then, or a part.</summary>
    internal static int LogitRows(int scoredTokens, int vocabularySize) =>
        4L * scoredTokens * vocabularySize <= KeptLogitBytes ? Math.Max(1, scoredTokens) : LogitChunkRows;

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
        return WithRetain(-forget, forget, retainTokens == 0 ? null : tokenNll.Narrow(0, forgetTokens, retainTokens), alpha);
    }

    /// <summary>A loss with α · NLL(retain) beside it, the mean over the retain tokens' NLLs [R]; these are null where nothing is retained.</summary>
    public static ForgetRetainLoss WithRetain(Tensor loss, Tensor? forgetNll, Tensor? retainTokenNll, double alpha) => retainTokenNll?.Mean() is { } retain
        ? new ForgetRetainLoss(loss + (alpha * retain), forgetNll, retain)
        : new ForgetRetainLoss(loss, forgetNll, null);

    /// <summary>Mean over each sequence's scored tokens, [B], of token NLLs [N] that lie between these offsets [B+1].</summary>
    public static Tensor SequenceMeans(Tensor tokenNll, long[] offsets)
    {
        double[] shares = [.. offsets.Zip(offsets.Skip(1), (first, end) => 1.0 / (end - first))];
        return tokenNll.SegmentSum(offsets) * Tensor.From<double>(shares).To(tokenNll.ElementType, tokenNll.Device);
    }

    /// <summary>
    /// NPO (Zhang et al. 2024): −(2/β) · mean over sequences of log σ(β (NLL − reference NLL)), NLLs [B] being sums over a sequence's
    /// scored tokens and the reference's the original model's.
    /// </summary>
    public static Tensor Npo(Tensor sequenceNll, Tensor referenceNll, double beta) =>
        (-2 / beta) * (beta * (sequenceNll - referenceNll)).LogSigmoid().Mean();

    /// <summary>
    /// SimNPO (Fan et al. 2024): −(2/β) · mean over sequences of log σ(β NLL − γ), NLLs [B] being means over a sequence's scored tokens.
    /// </summary>
    public static Tensor SimNpo(Tensor sequenceMeanNll, double beta, double gamma) => (-2 / beta) * sequenceMeanNll.Affine(beta, -gamma).LogSigmoid().Mean();

    /// <summary>
    /// DPO (Rafailov et al. 2023) with NPO's factor: −(2/β) · mean over pairs of log σ(β [(rejected − preferred) − reference]), rejected and
    /// preferred [B] being NLLs summed over a sequence's scored tokens and the reference [B] their difference on the original model.
    /// </summary>
    public static Tensor Dpo(Tensor rejectedNll, Tensor preferredNll, Tensor referenceDifference, double beta) => Npo(rejectedNll - preferredNll, referenceDifference, beta);

    /// <summary>
    /// RMU (Li et al. 2024): mse(h_f, c·u/‖u‖) + α · mse(h_r, h_r⁰) over hidden states [T,D] after one layer. <paramref name="target"/>, [D], is
    /// <see cref="SteeringTarget"/>'s.
    /// </summary>
    public static Tensor Rmu(Tensor forgetHidden, Tensor target, Tensor retainHidden, Tensor referenceRetainHidden, double alpha) =>
        MeanSquaredError(forgetHidden, target) + (alpha * MeanSquaredError(retainHidden, referenceRetainHidden));

    /// <summary>Mean over rows of the mean over D of the squared difference of [T,D] and [T,D] or [D]; 16-bit values are widened to float32 first.</summary>
    public static Tensor MeanSquaredError(Tensor hidden, Tensor target)
    {
        ElementType wide = WideType(hidden);
        return (hidden.To(wide, hidden.Device) - target.To(wide, hidden.Device)).Square().Mean();
    }

    /// <summary>The type that losses over hidden states are computed in: float32 for 16-bit ones, else their own.</summary>
    internal static ElementType WideType(Tensor hidden) => hidden.ElementType == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;

    /// <summary>c·u/‖u‖, [D]: what RMU steers forget tokens to.</summary>
    internal static double[] SteeringTarget(IReadOnlyList<double> direction, double steeringCoefficient)
    {
        double length = Math.Sqrt(direction.Sum(value => value * value));
        return [.. direction.Select(value => steeringCoefficient / length * value)];
    }
}

/// <summary>A loss with the two parts it weighs, for reporting; all of shape [].</summary>
/// <param name="Total">What is minimised.</param>
/// <param name="Forget">Mean NLL of the forget tokens; null where the loss has no such part.</param>
/// <param name="Retain">Mean NLL of the retain tokens; null where the loss has no such part.</param>
public sealed record ForgetRetainLoss(Tensor Total, Tensor? Forget, Tensor? Retain);
