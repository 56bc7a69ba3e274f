using System.Globalization;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// Writes scalars as TensorBoard reads them: a file <c>events.out.tfevents.SECONDS.HOST</c> in a folder that may hold others. Every record is
/// on disk when the call returns. May be used from several threads; what is written after disposal is dropped.
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeProvider clock;
    private readonly FileStream stream;
    private bool disposed;

    /// <summary>Starts a file with the current time in its name; makes the folder where it is not there.</summary>
    /// <exception cref="HybridException">Io: the folder or file cannot be made.</exception>
    public TensorBoardWriter(string folder)
        : this(folder, TimeProvider.System)
    {
    }

    /// <summary>Starts a file by another clock.</summary>
    public TensorBoardWriter(string folder, TimeProvider clock)
    {
        this.clock = clock;
        FileStream? made = null;
        try
        {
            Directory.CreateDirectory(folder);
            stream = made = Create(folder);
            Append(TfRecord.Frame(EventMessage.FileVersion(WallTime())));
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            if (made is not null)
            {
                made.Dispose();
                File.Delete(made.Name);
            }

            throw FileFault.Of(folder, "events cannot be written", error);
        }
    }

    /// <summary>The file.</summary>
    public string FilePath => stream.Name;

    /// <summary>Writes the scalars of a step as one record.</summary>
    /// <exception cref="HybridException">Io: the disk is full, or the like.</exception>
    public void Write(long step, params IEnumerable<(string Tag, float Value)> scalars)
    {
        lock (gate)
        {
            if (disposed)
            {
                return;
            }

            try
            {
                Append(TfRecord.Frame(EventMessage.Scalars(WallTime(), step, scalars)));
            }
            catch (IOException error)
            {
                throw FileFault.Of(FilePath, "events cannot be written", error);
            }
        }
    }

    /// <summary>Closes the file. May be called twice.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            stream.Dispose();
        }
    }

    /// <summary>Writes a record whole or not at all.</summary>
    private void Append(byte[] record)
    {
        long end = stream.Position;
        try
        {
            stream.Write(record);
        }
        catch (IOException)
        {
            stream.SetLength(end);
            throw;
        }
    }

    /// <summary>A file of its own, also where another was started in the same second.</summary>
    private FileStream Create(string folder)
    {
        string name = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{clock.GetUtcNow().ToUnixTimeSeconds()}.{Environment.MachineName}"));
        for (int number = 0; ; number++)
        {
            string path = number == 0 ? name : $"{name}.{number}";
            if (!File.Exists(path))
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0); // a buffer that cannot be written would be tried once more when it is closed
            }
        }
    }

    private double WallTime() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
}
