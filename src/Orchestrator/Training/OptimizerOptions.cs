using static System.FormattableString;

namespace Hybrid.Orchestrator.Training;

/// <summary>The optimizers there are.</summary>
public enum OptimizerKind
{
    /// <summary>Lion, β = (0.9, 0.99): the unlearning methods' and the attack's (method of the paper and of RTT).</summary>
    Lion,

    /// <summary>AdamW, β = (0.9, 0.99).</summary>
    AdamW,

    /// <summary>Plain stochastic gradient descent.</summary>
    Sgd,
}

/// <summary>How steps that are smaller than the spacing of 16-bit weights are kept. Weights of 32 bits and more need neither.</summary>
public enum WeightRounding
{
    /// <summary>Float32 master copies, and float32 moments: exact; 8 bytes a parameter with Lion, 12 with AdamW.</summary>
    MasterWeights,

    /// <summary>
    /// Weights and moments are rounded at random to one of their two neighbours, the nearer one more often, so that steps add up in expectation:
    /// 2 bytes a parameter with Lion, 4 with AdamW. For bfloat16.
    /// </summary>
    Stochastic,
}

/// <summary>How parameters follow their gradients.</summary>
public sealed record OptimizerOptions
{
    /// <summary>Which rule.</summary>
    public required OptimizerKind Kind { get; init; }

    /// <summary>Learning rate after warm-up.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Optimizer steps over which the rate rises linearly from 0; 0 for none.</summary>
    public required int WarmupSteps { get; init; }

    /// <summary>Decoupled weight decay.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>How small steps of 16-bit weights are kept; exactly, where nothing is said.</summary>
    public WeightRounding Rounding { get; init; } = WeightRounding.MasterWeights;

    /// <summary>The rate of a step, counted from 1: linear up to <see cref="WarmupSteps"/>, then constant.</summary>
    public double RateAt(int step) => step >= WarmupSteps ? LearningRate : LearningRate * step / WarmupSteps;

    /// <summary>Every problem, one line each.</summary>
    public IEnumerable<string> Validate()
    {
        if (!(LearningRate > 0) || double.IsInfinity(LearningRate))
        {
            yield return Invariant($"learning rate {LearningRate} must be positive");
        }

        if (WarmupSteps < 0)
        {
            yield return Invariant($"warm-up steps {WarmupSteps} must not be negative");
        }

        if (!(WeightDecay >= 0))
        {
            yield return Invariant($"weight decay {WeightDecay} must not be negative");
        }
    }
}
