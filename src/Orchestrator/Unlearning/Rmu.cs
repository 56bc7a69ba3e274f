using Hybrid.Interop;
using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>Options of RMU.</summary>
public sealed record RmuOptions : IMethodOptions
{
    /// <inheritdoc/>
    public string Method => "rmu";

    /// <summary>The layer, counted from 0, after which hidden states are steered.</summary>
    public required int Layer { get; init; }

    /// <summary>c, the length of the vector that forget tokens are steered to.</summary>
    public required double SteeringCoefficient { get; init; }

    /// <summary>α, the weight of keeping the retain tokens' hidden states.</summary>
    public required double RetainCoefficient { get; init; }

    /// <summary>Passes over the forget set.</summary>
    public required int Epochs { get; init; }

    /// <summary>Forget examples a step; as many retain examples go with them where α is not 0.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How parameters move.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Bytes of frozen layers' outputs, and of the original model's for retain examples, kept in memory.</summary>
    public required long PrefixMemoryBytes { get; init; }

    /// <summary>Bytes of them kept in a temporary file beyond that; what fits neither is recomputed.</summary>
    public required long PrefixFileBytes { get; init; }

    /// <summary>Layers that are trained, the steered one and those below it.</summary>
    private const int TrainedLayerCount = 3;

    internal PassOptions Passes => new(Epochs, BatchSize, Optimizer);

    /// <inheritdoc/>
    public IEnumerable<string> Validate() =>
    [
        .. OptionProblems.Negative("layer", Layer),
        .. OptionProblems.NotPositive("steering coefficient", SteeringCoefficient),
        .. OptionProblems.Negative("retain coefficient", RetainCoefficient),
        .. OptionProblems.Negative("prefix memory", PrefixMemoryBytes),
        .. OptionProblems.Negative("prefix file", PrefixFileBytes),
        .. Passes.Validate(),
    ];

    /// <inheritdoc/>
    public void RequireFits(LlamaConfig model)
    {
        if (Layer >= model.Layers)
        {
            throw new HybridException(ErrorKind.BlockPlan, $"rmu: there is no layer {Layer} to steer; the model has layers 0 to {model.Layers - 1}");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples)
    {
        IReadOnlyList<TokenSequence> retain = RetainCoefficient > 0 ? examples.Retain : [];
        (int first, int end) = TrainedLayers;
        // Every example at the lowest trained layer, where frozen ones lie below it, and retain examples after the highest.
        long states = (first > 0 ? planner.StateBytes(BatchShape.Largest(examples.Forget, int.MaxValue).Tokens, 1) : 0)
            + planner.StateBytes(BatchShape.Largest(retain, Math.Min(retain.Count, Epochs * examples.Forget.Count)).Tokens, first > 0 ? 2 : 1);
        return [planner.TrainOutputs("unlearn", Optimizer, Passes.LargestBatch(examples.Forget, retain), BatchShape.Largest(retain, BatchSize).Tokens, (first, end), Math.Min(PrefixMemoryBytes, states))];
    }

    /// <summary>Layers whose matrices are trained: the steered one and those below it that exist.</summary>
    internal (int First, int End) TrainedLayers => (Math.Max(0, Layer - TrainedLayerCount + 1), Layer + 1);

    /// <inheritdoc/>
    public IUnlearningMethod CreateMethod() => new Rmu(this);
}

/// <summary>
/// Representation misdirection for unlearning (Li et al. 2024): L = mse(h_f, c·u) + α mse(h_r, h_r⁰), h the hidden states after one layer, u a
/// random direction drawn once, h⁰ the original model's. Only the feed-forward output matrices (<c>mlp.down_proj</c>) of that layer and the two
/// below it are trained; near the input, of those that exist. No layer above is computed, the frozen layers below are computed once an example.
/// </summary>
internal sealed class Rmu(RmuOptions options) : IUnlearningMethod
{
    /// <inheritdoc/>
    public int CountSteps(int forgetExamples, int retainExamples) => options.Passes.CountSteps(forgetExamples);

    /// <inheritdoc/>
    public UnlearningOutcome Run(UnlearningContext context)
    {
        LlamaModel model = context.Model;
        options.RequireFits(model.Config);
        ForgetRetainLoop loop = ForgetRetainLoop.OneStage(context, options.Passes, needsRetain: options.RetainCoefficient > 0);
        (int first, int end) = options.TrainedLayers;
        string[] names = [.. Enumerable.Range(first, end - first).Select(layer => ParameterNames.Layer(layer, "mlp.down_proj"))];
        model.SetTrainable(names);
        using var originals = new KeptParameters(model, names);
        using var prefix = new FrozenPrefix(model, new HiddenStateStore(options.PrefixMemoryBytes, options.PrefixFileBytes));
        prefix.Expect([first, end]);
        double[] target = Losses.SteeringTarget(Direction(context.Random, model.Config.HiddenSize), options.SteeringCoefficient);
        return loop.RunStage(Loss, (forget, retain) =>
        {
            var batch = new ForgetRetainBatch(context, forget, retain);
            prefix.Refill([.. batch.Sequences.Skip(forget.Length)], end);
            prefix.Refill(batch.Sequences, first);
        });

        ForgetRetainLoss Loss(int[] forget, int[] retain)
        {
            var batch = new ForgetRetainBatch(context, forget, retain);
            TokenSequence[] retained = [.. batch.Sequences.Skip(forget.Length)];
            Tensor? before = retained.Length == 0 ? null : originals.InPlace(() => prefix.States(retained, end));  // [R,D]
            Tensor hidden = model.RunLayers(prefix.States(batch.Sequences, first), batch.Packed, first, end);      // [T,D]
            long forgetRows = batch.Packed.Offsets[forget.Length];
            Tensor forgotten = hidden.Narrow(0, 0, forgetRows), steered = Tensor.From<double>(target).To(Losses.WideType(hidden), hidden.Device);
            return new ForgetRetainLoss(
                before is null
                    ? Losses.MeanSquaredError(forgotten, steered)
                    : Losses.Rmu(forgotten, steered, hidden.Narrow(0, forgetRows, batch.Packed.Offsets[^1] - forgetRows), before, options.RetainCoefficient),
                null,
                null);
        }
    }

    /// <summary>u before it is normed: uniform in [0, 1), [D]. The key names the stream, so that nothing else shifts it.</summary>
    internal static double[] Direction(SeededRandom random, int size)
    {
        SeededRandom stream = random.Fork("rmu direction");
        return [.. Enumerable.Range(0, size).Select(_ => stream.NextDouble())];
    }

    /// <summary>Copies of parameters as they were, which can stand in the model for a while.</summary>
    private sealed class KeptParameters : IDisposable
    {
        private readonly Tensor[] current;
        private readonly Tensor[] kept;

        public KeptParameters(LlamaModel model, string[] names)
        {
            using TensorScope outside = TensorScope.Outside();
            current = [.. names.Select(name => model[name])];
            kept = [.. current.Select(tensor => tensor.Clone())];
        }

        /// <summary>Computes with the kept parameters in the model's place; only storage changes places, so no value is copied.</summary>
        public Tensor InPlace(Func<Tensor> compute)
        {
            Graft.Exchange(current, kept);
            try
            {
                return compute();
            }
            finally
            {
                Graft.Exchange(current, kept);
            }
        }

        public void Dispose()
        {
            foreach (Tensor tensor in kept)
            {
                tensor.Dispose();
            }
        }
    }
}
