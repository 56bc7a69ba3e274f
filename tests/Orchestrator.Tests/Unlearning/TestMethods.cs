using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Unlearning;

/// <summary>
/// The methods that train in one stage, with one setting each, and their losses as the papers' texts state them: an example at a time, and
/// the original as a second model that is asked again at every step.
/// </summary>
internal static class TestMethods
{
    public const double Alpha = 0.3;
    public const double Beta = 0.7;
    public const double Gamma = 0.4;
    public const int Layer = 3;
    public const double SteeringCoefficient = 6.5;

    public static TheoryData<string> Names => ["ga", "gd", "rmu", "ria", "npo", "simnpo", "dpo"];

    public static IMethodOptions Options(string name, int epochs, int batchSize, OptimizerOptions optimizer, double alpha = Alpha) => name switch
    {
        "ga" => new GradientAscentOptions { Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        "gd" => new GradientDifferenceOptions { RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        "rmu" => new RmuOptions
        {
            Layer = Layer,
            SteeringCoefficient = SteeringCoefficient,
            RetainCoefficient = alpha,
            Epochs = epochs,
            BatchSize = batchSize,
            Optimizer = optimizer,
            PrefixMemoryBytes = 1500,
            PrefixFileBytes = 1500,
        },
        "ria" => new RiaOptions { RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        "npo" => new NpoOptions { Beta = Beta, RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        "simnpo" => new SimNpoOptions { Beta = Beta, Gamma = Gamma, RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        "dpo" => new DpoOptions { Beta = Beta, RetainCoefficient = alpha, Epochs = epochs, BatchSize = batchSize, Optimizer = optimizer },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>The parameters that a method trains in a model of at least four layers.</summary>
    public static IReadOnlyList<string> Trained(string name, LlamaModel model) =>
        name == "rmu" ? [.. Enumerable.Range(Layer - 2, 3).Select(layer => ParameterNames.Layer(layer, "mlp.down_proj"))] : model.Names;

    /// <summary>A method's loss on whole sets.</summary>
    public static Tensor PlainLoss(string name, LlamaModel model, LlamaModel original, UnlearningContext sets)
    {
        Tensor Kept() => Alpha * Losses.MeanNll(model, new PackedBatch(sets.Retain));
        return name switch
        {
            "ga" => -Losses.MeanNll(model, new PackedBatch(sets.Forget)),
            "gd" => Kept() - Losses.MeanNll(model, new PackedBatch(sets.Forget)),
            "rmu" => PlainRmu(model, original, sets),
            "ria" => Losses.MeanNll(model, new PackedBatch(sets.Replacements)) + Kept(),
            "npo" => MinusLogSigmoid(sets.Forget.Select(x => Beta * (Nll(model, x) - Nll(original, x).Detach()))) + Kept(),
            "simnpo" => MinusLogSigmoid(sets.Forget.Select(x => ((Beta / x.ScoredPositions.Count) * Nll(model, x)).Affine(1, -Gamma))) + Kept(),
            "dpo" => MinusLogSigmoid(sets.Forget.Zip(sets.Replacements, (l, w) =>
                Beta * ((Nll(model, l) - Nll(original, l).Detach()) - (Nll(model, w) - Nll(original, w).Detach())))) + Kept(),
            _ => throw new ArgumentOutOfRangeException(nameof(name)),
        };
    }

    private static Tensor Nll(LlamaModel model, TokenSequence sequence) => Losses.TokenNll(model, new PackedBatch([sequence])).Sum();

    /// <summary>−(2/β) · mean of log σ of each.</summary>
    private static Tensor MinusLogSigmoid(IEnumerable<Tensor> values)
    {
        Tensor[] terms = [.. values.Select(value => value.LogSigmoid())];
        return (-2 / (Beta * terms.Length)) * terms.Aggregate((a, b) => a + b);
    }

    private static Tensor PlainRmu(LlamaModel model, LlamaModel original, UnlearningContext sets)
    {
        static Tensor Hidden(LlamaModel of, IReadOnlyList<TokenSequence> sequences)
        {
            var batch = new PackedBatch(sequences);
            return of.RunLayers(of.Embed(batch), batch, 0, Layer + 1);
        }

        double[] u = Rmu.Direction(sets.Random, model.Config.HiddenSize);
        double length = Math.Sqrt(u.Sum(x => x * x));
        Tensor target = Tensor.From<double>([.. u.Select(x => SteeringCoefficient * x / length)]);
        return (Hidden(model, sets.Forget) - target).Square().Mean() + (Alpha * (Hidden(model, sets.Retain) - Hidden(original, sets.Retain).Detach()).Square().Mean());
    }
}
