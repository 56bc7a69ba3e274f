using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>Optimizer steps on the parameters of a model that are trainable when it is made.</summary>
public sealed class TrainingStep : IDisposable
{
    private readonly LlamaModel model;
    private readonly Dictionary<string, int> positions;
    private readonly IOptimizer optimizer;
    private readonly OptimizerOptions options;

    /// <summary>Starts with an empty optimizer state. Only stochastic rounding draws from forks of <paramref name="random"/>.</summary>
    public TrainingStep(LlamaModel model, OptimizerOptions options, SeededRandom random)
    {
        this.model = model;
        this.options = options;
        IReadOnlyList<string> names = model.Trainable();
        positions = names.Select((name, position) => (name, position)).ToDictionary(entry => entry.name, entry => entry.position, StringComparer.Ordinal);
        optimizer = Optimizers.Create(options, [.. names.Select(name => model[name])], random);
    }

    /// <summary>Steps taken so far.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Computes the loss, its gradients and the update; each layer's parameters move as soon as their gradients are there, which are freed then.
    /// <paramref name="compute"/> runs inside a tensor scope; what it makes is freed before this returns. <paramref name="beforeUpdate"/> is
    /// called when the loss is known to be finite and no parameter has moved yet.
    /// </summary>
    /// <exception cref="HybridException">Diverged: the loss is not finite. The parameters are as the step before left them.</exception>
    public TrainingProgress Run(string stage, int totalSteps, Func<ForgetRetainLoss> compute, Action? beforeUpdate = null)
    {
        using TensorScope scope = TensorScope.Begin();
        using LayerTape tape = model.Record(positions.Keys);
        ForgetRetainLoss loss = compute();
        double value = loss.Total.Item();
        if (!double.IsFinite(value))
        {
            throw new HybridException(ErrorKind.Diverged, $"{stage}: the loss is {value} at step {Count + 1} of {totalSteps}; a smaller learning rate may help");
        }

        beforeUpdate?.Invoke();
        Count++;
        tape.Backward(loss.Total, Update);
        return new TrainingProgress(stage, Count, totalSteps, value, loss.Forget?.Item(), loss.Retain?.Item());
    }

    /// <summary>Frees the optimizer's state.</summary>
    public void Dispose() => optimizer.Dispose();

    private void Update(IReadOnlyList<KeyValuePair<string, Tensor>> gradients) =>
        optimizer.Update(Count, options.RateAt(Count), [.. gradients.Select(gradient => positions[gradient.Key])], [.. gradients.Select(gradient => gradient.Value)]);
}
