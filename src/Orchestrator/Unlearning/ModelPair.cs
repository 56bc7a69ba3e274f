using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// The original model and the one that is being unlearned, which blocks move between. Both may lie on the device. Where there is room for one
/// only, the other is on the host: the two change places, a tensor at a time, whenever the other one is to compute, and of it a block at
/// a time comes to the device.
/// </summary>
internal sealed class ModelPair : IDisposable
{
    private readonly LlamaModel onDevice;
    private readonly LlamaModel copy;
    private readonly bool copyOnHost;
    private readonly Action<Tensor, Tensor> exchange;
    private readonly HashSet<string> exchanged = new(StringComparer.Ordinal);

    /// <summary>The model as it is now is the original; a copy of it is made.</summary>
    /// <param name="unlearned">The model that will be unlearned.</param>
    /// <param name="originalOnHost">Whether the copy lies on the host, or beside the model.</param>
    /// <param name="exchange">How two tensors change places; the graft, but for tests.</param>
    public ModelPair(LlamaModel unlearned, bool originalOnHost, Action<Tensor, Tensor>? exchange = null)
    {
        this.exchange = exchange ?? ((one, other) => Graft.Exchange([one], [other]));
        onDevice = unlearned;
        copyOnHost = originalOnHost;
        copy = originalOnHost ? unlearned.CloneOn(Device.Cpu) : unlearned.Clone();
    }

    /// <summary>The original; computes, and may be trained, once <see cref="LetOriginalCompute"/> was called.</summary>
    public LlamaModel Original => copyOnHost ? onDevice : copy;

    /// <summary>The model that is being unlearned, as <see cref="LetOriginalCompute"/> leaves it: to exchange blocks with.</summary>
    public LlamaModel Unlearned => copyOnHost ? copy : onDevice;

    /// <summary>Makes <see cref="Original"/> and <see cref="Unlearned"/> hold what they are called.</summary>
    public void LetOriginalCompute() => Exchange(wanted: copyOnHost);

    /// <summary>Makes the model that was given hold the unlearned one again.</summary>
    public void LetUnlearnedCompute() => Exchange(wanted: false);

    /// <summary>Leaves the model that was given as the unlearned one, and frees the copy.</summary>
    public void Dispose()
    {
        try
        {
            LetUnlearnedCompute();
        }
        finally
        {
            copy.Dispose();
        }
    }

    /// <summary>One tensor at a time, as a second model never fits; where one fails, it is known which have changed places.</summary>
    private void Exchange(bool wanted)
    {
        foreach (string name in onDevice.Names.Where(name => exchanged.Contains(name) != wanted))
        {
            exchange(onDevice[name], copy[name]);
            _ = wanted ? exchanged.Add(name) : exchanged.Remove(name);
        }
    }
}
