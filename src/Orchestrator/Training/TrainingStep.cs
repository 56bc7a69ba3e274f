using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>Optimizer steps on the parameters of a model that are trainable when it is made.</summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly LlamaModel model;
    private readonly Dictionary<string, int> positions;
    private readonly IOptimizer optimizer;
    private readonly OptimizerOptions options;

    /// <summary>Starts with an empty optimizer state.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How its trainable parameters move.</param>
    /// <param name="random">Only stochastic rounding draws, from forks of it.</param>
    /// <param name="made">Steps that were made elsewhere, after which <see cref="State"/> is put back.</param>
    public TrainingStep(LlamaModel model, OptimizerOptions options, SeededRandom random, int made = 0)
    {
        this.model = model;
        this.options = options;
        Count = made;
        IReadOnlyList<string> names = model.Trainable();
        positions = names.Select((name, position) => (name, position)).ToDictionary(entry => entry.name, entry => entry.position, StringComparer.Ordinal);
        optimizer = Optimizers.Create(options, [.. names.Select(name => model[name])], random);
    }

    /// <summary>Steps taken so far.</summary>
    public int Count { get; private set; }

    /// <summary>The optimizer's state, by the kind of state and the parameter's name.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State =>
        optimizer.State.SelectMany(kind => positions.Select(parameter => KeyValuePair.Create($"{kind.Key}/{parameter.Key}", kind.Value[parameter.Value])));

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
