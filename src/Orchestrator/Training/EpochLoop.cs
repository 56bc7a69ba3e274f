using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>Shuffled passes over a set of examples, an optimizer step a batch, on the parameters of a model that are trainable.</summary>
public sealed record EpochLoop
{
    /// <summary>Name for progress and errors.</summary>
    public required string Stage { get; init; }

    /// <summary>The model.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>How parameters move; the state starts empty.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Passes.</summary>
    public required int Epochs { get; init; }

    /// <summary>Number of examples.</summary>
    public required int Examples { get; init; }

    /// <summary>Examples a step; the last step of a pass may have fewer.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Where the order comes from.</summary>
    public required SeededRandom Random { get; init; }

    /// <summary>
    /// Whether a copy of the trainable parameters is kept, to be put back where training diverges; else they stay as they broke, for models that are
    /// thrown away then.
    /// </summary>
    public required bool KeepsLastGood { get; init; }

    /// <summary>Told of every step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Stops the loop between two steps.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Optimizer steps of the whole loop.</summary>
    public int Steps => Epochs * BatchSampler.StepsPerEpoch(Examples, BatchSize);

    /// <summary>
    /// Runs it. <paramref name="loss"/> gets the indices of a batch's examples and runs inside a tensor scope. <paramref name="afterEpoch"/>, told
    /// the number of the pass that ended, counted from 1, may end the loop by answering false.
    /// </summary>
    /// <returns>Steps taken.</returns>
    /// <exception cref="HybridException">Diverged: a loss, or a parameter at the end of a pass, is not finite. The parameters are as after the last pass that left them sound, where that is kept.</exception>
    public int Run(Func<int[], ForgetRetainLoss> loss, Func<int, bool>? afterEpoch = null)
    {
        using var step = new TrainingStep(Model, Optimizer, Random.Fork("rounding"));
        using LastGoodState? lastGood = KeepsLastGood ? new LastGoodState(Model) : null;
        try
        {
            for (int epoch = 1; epoch <= Epochs; epoch++)
            {
                // The copy follows only once a loss has shown that the pass before left the model sound.
                Action? saveAtStart = epoch > 1 && lastGood is not null ? lastGood.Update : null;
                foreach (int[] batch in BatchSampler.Epoch(Examples, BatchSize, Random.Fork($"epoch {epoch}")))
                {
                    Cancellation.ThrowIfCancellationRequested();
                    TrainingProgress done = step.Run(Stage, Steps, () => loss(batch), saveAtStart);
                    saveAtStart = null;
                    Progress?.Report(done);
                }

                RequireFiniteParameters(epoch);
                if (afterEpoch is not null && !afterEpoch(epoch))
                {
                    break;
                }
            }
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Diverged)
        {
            lastGood?.Restore();
            throw;
        }

        return step.Count;
    }

    /// <summary>No loss follows the last update, so its result is looked at directly.</summary>
    private void RequireFiniteParameters(int epoch)
    {
        using TensorScope scope = TensorScope.Begin();
        foreach (string name in Model.Trainable())
        {
            if (!double.IsFinite(Model[name].AbsMax().Item()))
            {
                throw new HybridException(ErrorKind.Diverged, $"{Stage}: parameter '{name}' is not finite after pass {epoch} of {Epochs}; a smaller learning rate may help");
            }
        }
    }
}
