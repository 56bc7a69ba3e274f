using Microsoft.Win32.SafeHandles;

namespace Hybrid.Faults.Hostile;

/// <summary>The file that the inputs of a campaign are written to, one over the other; it stays open, which is faster.</summary>
internal sealed class InputFile : IDisposable
{
    private readonly SafeFileHandle handle;

    /// <summary>Makes the kind's file in a folder and what lies beside it.</summary>
    public InputFile(ReaderKind kind, string folder)
    {
        Kind = kind;
        Path = System.IO.Path.Combine(folder, kind.File);
        kind.Prepare(folder);
        handle = File.OpenHandle(Path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
    }

    /// <summary>What is read.</summary>
    public ReaderKind Kind { get; }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Makes the input the file's content.</summary>
    public void Write(byte[] input)
    {
        RandomAccess.Write(handle, input, 0);
        RandomAccess.SetLength(handle, input.Length);
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
