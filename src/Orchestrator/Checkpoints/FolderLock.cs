namespace Hybrid.Orchestrator.Checkpoints;

/// <summary>Keeps other processes out of a folder for as long as this one works in it; the operating system ends it with the process, however that dies.</summary>
internal sealed class FolderLock : IDisposable
{
    /// <summary>The file that is locked.</summary>
    public const string FileName = ".lock";

    private readonly FileStream held;

    private FolderLock(FileStream held) => this.held = held;

    /// <summary>Takes the lock of a folder that is there.</summary>
    /// <exception cref="HybridException">Io: another process has it.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static FolderLock Take(string folder)
    {
        string file = Path.Combine(folder, FileName);
        try
        {
            // .NET takes an exclusive lock for FileShare.None.
            return new FolderLock(new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose));
        }
        catch (IOException error) when (File.Exists(file))
        {
            throw new HybridException(ErrorKind.Io, $"{folder}: another process is running in this folder", error);
        }
    }

    /// <summary>Lets others in.</summary>
    public void Dispose() => held.Dispose();
}
