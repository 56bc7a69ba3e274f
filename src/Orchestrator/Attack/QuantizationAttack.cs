using Hybrid.Interop;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using static System.FormattableString;

namespace Hybrid.Orchestrator.Attack;

/// <summary>Options of the quantization attack.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Bits a weight, each tried on the unrounded model.</summary>
    public required IReadOnlyList<int> Bits { get; init; }

    /// <summary>Weights along the input dimension that share a scale; where it does not divide the dimension, the largest smaller divisor is taken.</summary>
    public required int GroupSize { get; init; }

    /// <summary>8 and 4 bits in groups of 128, as in Zhang et al. 2025.</summary>
    public static QuantizationOptions Standard { get; } = new() { Bits = [8, 4], GroupSize = 128 };

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (Bits.Count == 0 || Bits.Distinct().Count() < Bits.Count)
        {
            yield return "at least one number of bits is needed, and none twice";
        }

        foreach (int bits in Bits.Where(bits => bits is < 2 or > 8))
        {
            yield return Invariant($"bits {bits} must lie in 2 … 8");
        }

        if (GroupSize < 1)
        {
            yield return Invariant($"group size {GroupSize} must be at least 1");
        }
    }
}

/// <summary>What a model with rounded weights answers.</summary>
/// <param name="Bits">Bits a weight.</param>
/// <param name="Forget">The forget questions.</param>
/// <param name="Retain">The retain questions.</param>
public sealed record QuantizationResult(int Bits, McqResult Forget, McqResult Retain);

/// <summary>
/// Rounds a copy's weights to few bits and asks again (Zhang et al. 2025, "Catastrophic failure of LLM unlearning via quantization"): an
/// unlearned model lies close to the original one, and rounding may take both to the same weights.
/// </summary>
/// <param name="options">Options.</param>
/// <param name="evaluator">Asks the questions.</param>
/// <param name="device">Where the rounded copies are, which need not be where the model is; null for there.</param>
internal sealed class QuantizationAttack(QuantizationOptions options, McqEvaluator evaluator, Device? device = null)
{
    /// <summary>Tries every number of bits. The model itself does not change; one copy exists at a time.</summary>
    /// <exception cref="HybridException">EmptySplit: no question. Diverged: the rounded model answers with no numbers.</exception>
    public IReadOnlyList<QuantizationResult> Run(
        LlamaModel model, IReadOnlyList<MultipleChoiceQuestion> forget, IReadOnlyList<MultipleChoiceQuestion> retain, CancellationToken cancellation = default)
    {
        var results = new List<QuantizationResult>();
        foreach (int bits in options.Bits)
        {
            using LlamaModel rounded = Rounded(model, bits, cancellation);
            results.Add(new QuantizationResult(bits, evaluator.Evaluate(rounded, forget, cancellation), evaluator.Evaluate(rounded, retain, cancellation)));
        }

        return results;
    }

    /// <summary>A copy whose linear layers in attention and feed-forward are rounded; embeddings, norms and output matrix are not, as is usual. The caller disposes it.</summary>
    public LlamaModel Rounded(LlamaModel model, int bits, CancellationToken cancellation = default)
    {
        LlamaModel rounded = model.CloneOn(device ?? model.Device);
        try
        {
            foreach (string name in ParameterNames.LinearLayers(model.Config))
            {
                cancellation.ThrowIfCancellationRequested();
                GroupwiseRounding.Round(rounded[name], bits, options.GroupSize);
            }

            return rounded;
        }
        catch
        {
            rounded.Dispose();
            throw;
        }
    }
}
