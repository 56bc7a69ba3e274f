using Hybrid.Interop;

namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>A safetensors file of a training's tensors with a text of facts about them, in one file, so that the two cannot come apart.</summary>
internal sealed class StateFile : IDisposable
{
    /// <summary>The facts' bytes stand in the file as a tensor of this name: what is written whole or not at all is a file.</summary>
    private const string FactsName = "facts";

    private readonly string path;
    private readonly SafetensorsFile file;
    private readonly HashSet<string> names;

    private StateFile(string path, SafetensorsFile file)
    {
        this.path = path;
        this.file = file;
        names = [.. file.Names];
    }

    /// <summary>The facts, as they were written.</summary>
    public byte[] Facts
    {
        get
        {
            using TensorScope scope = TensorScope.Begin();
            return file.Read(FactsName, ElementType.UInt8, Device.Cpu).ToArray<byte>();
        }
    }

    /// <summary>Writes a file: beside its place first, then, once it has reached the disk, into it.</summary>
    /// <exception cref="HybridException">Io: it cannot be written; the message names it.</exception>
    public static void Write(string path, byte[] facts, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        using TensorScope scope = TensorScope.Begin();
        try
        {
            SafetensorsFile.Write(path, [.. tensors, new(FactsName, Tensor.From<byte>(facts))], []);
        }
        catch (NativeException error) when (error.Status == NativeStatus.Io)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: the checkpoint cannot be written: {error.Message}; the one before is kept", error);
        }
    }

    /// <summary>Opens a file; null where it is cut short or no such file.</summary>
    public static StateFile? TryOpen(string path)
    {
        SafetensorsFile? file = null;
        try
        {
            file = SafetensorsFile.Open(path);
            if (file.Names.Contains(FactsName) && file.Describe(FactsName) is (ElementType.UInt8, [_]))
            {
                return new StateFile(path, file);
            }
        }
        catch (NativeException error) when (error.Status is NativeStatus.Io or NativeStatus.BadFormat)
        {
            return null; // whoever asks tries an older one
        }

        file.Dispose();
        return null;
    }

    /// <summary>Puts the file's values into the tensors of the same names; each must be there with the same type and shape.</summary>
    /// <exception cref="HybridException">Config: one is not.</exception>
    public void CopyTo(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        using GradMode off = GradMode.Off();
        foreach ((string name, Tensor target) in tensors)
        {
            if (!names.Contains(name) || file.Describe(name) is var (type, shape) && (type != target.ElementType || !shape.AsSpan().SequenceEqual(target.Shape)))
            {
                throw new HybridException(ErrorKind.Config, $"{path}: has no '{name}' of {target.ElementType} [{string.Join(", ", target.Shape)}]: the checkpoint is another run's; delete its folder to begin anew");
            }

            using TensorScope scope = TensorScope.Begin();
            target.CopyFrom(file.Read(name, target.ElementType, target.Device));
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();
}
