using Microsoft.Win32.SafeHandles;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>A temporary file of byte strings that grows at its end. It lies in the system's folder for temporary files and goes with the process at the latest.</summary>
internal sealed class SpillFile : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"hybrid-states-{Guid.NewGuid():N}");
    private readonly SafeFileHandle handle;
    private long end;

    /// <summary>Makes it, readable by its owner alone.</summary>
    /// <exception cref="HybridException">Io: the message names the path.</exception>
    public SpillFile()
    {
        handle = Guarded(() =>
        {
            SafeFileHandle opened = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, FileOptions.RandomAccess);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(opened, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            File.Delete(path); // unlinked while open, it cannot outlive even a killed process
            return opened;
        });
    }

    /// <summary>Writes at the end; returns where.</summary>
    /// <exception cref="HybridException">Io: the disk is full, for one; the message names the path.</exception>
    public long Append(ReadOnlyMemory<byte> bytes) => Guarded(() =>
    {
        long position = end;
        RandomAccess.Write(handle, bytes.Span, position);
        end += bytes.Length;
        return position;
    });

    /// <summary>Reads what was written there, all of it.</summary>
    /// <exception cref="HybridException">Io: the message names the path.</exception>
    public void Read(long position, Memory<byte> bytes) => Guarded(() =>
    {
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(handle, bytes.Span[done..], position + done);
            done += read > 0 ? read : throw new EndOfStreamException($"it ends at {position + done}");
        }

        return 0;
    });

    /// <summary>Gives the space back.</summary>
    public void Dispose() => handle.Dispose();

    private T Guarded<T>(Func<T> access)
    {
        try
        {
            return access();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: the frozen layers' outputs cannot be kept there: {FileFault.Reason(error)}; TMPDIR names another folder, and prefix-file-bytes: 0 keeps them in memory only", error);
        }
    }
}
