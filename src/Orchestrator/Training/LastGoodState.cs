using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Training;

/// <summary>
/// A copy of the trainable parameters, on the host, to return to when training diverges: by the time a loss is not a number, the update
/// that broke the model has already been made.
/// </summary>
internal sealed class LastGoodState : IDisposable
{
    private readonly LlamaModel model;
    private readonly (string Name, Tensor Copy)[] copies;

    /// <summary>Copies the parameters that are trainable now.</summary>
    public LastGoodState(LlamaModel model)
    {
        using TensorScope outside = TensorScope.Outside();
        this.model = model;
        copies = [.. model.Trainable().Select(name => (name, model[name].CloneTo(model[name].ElementType, Device.Cpu)))];
    }

    /// <summary>The copies, by the parameters' names.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State => copies.Select(copy => KeyValuePair.Create(copy.Name, copy.Copy));

    /// <summary>Takes the parameters as they are now.</summary>
    public void Update()
    {
        foreach ((string name, Tensor copy) in copies)
        {
            copy.CopyFrom(model[name]);
        }
    }

    /// <summary>Puts the parameters back.</summary>
    public void Restore()
    {
        foreach ((string name, Tensor copy) in copies)
        {
            model[name].CopyFrom(copy);
        }
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose() => Optimizers.Free(copies.Select(entry => entry.Copy));
}
