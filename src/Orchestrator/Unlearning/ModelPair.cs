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
    private bool exchanged;

    /// <summary>The model as it is now is the original; a copy of it is made.</summary>
    /// <param name="unlearned">The model that will be unlearned.</param>
    /// <param name="originalOnHost">Whether the copy lies on the host, or beside the model.</param>
    public ModelPair(LlamaModel unlearned, bool originalOnHost)
    {
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
        LetUnlearnedCompute();
        copy.Dispose();
    }

    private void Exchange(bool wanted)
    {
        if (exchanged == wanted)
        {
            return;
        }

        foreach (string name in onDevice.Names)
        {
            Graft.Exchange([onDevice[name]], [copy[name]]); // one at a time: a second model never fits
        }

        exchanged = wanted;
    }
}
