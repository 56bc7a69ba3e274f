using Hybrid.Orchestrator;

namespace Hybrid.Cli;

/// <summary>Where a repetition writes: a temporary folder; beside the folder that it is to be kept in, where there is one, so that it gets there whole or not at all.</summary>
internal sealed class RepeatFolder : IDisposable
{
    private readonly string? keep;

    private RepeatFolder(string? keep, string scratch)
    {
        this.keep = keep;
        Scratch = scratch;
    }

    /// <summary>For files beside the results.</summary>
    public string Scratch { get; }

    /// <summary>The results' folder; the repetition makes it.</summary>
    public string Results => Path.Combine(Scratch, "repeat");

    /// <summary>Makes sure that the folder to keep is free, and makes the temporary one.</summary>
    /// <exception cref="HybridException">Config: something is there. Io: nothing can be written there.</exception>
    public static RepeatFolder Reserve(string? keep)
    {
        if (keep is null)
        {
            return new RepeatFolder(null, Directory.CreateTempSubdirectory("hybrid-repeat-").FullName);
        }

        if (File.Exists(keep) || (Directory.Exists(keep) && Directory.EnumerateFileSystemEntries(keep).Any()))
        {
            throw new HybridException(ErrorKind.Config, $"{keep}: is there and not empty; name another folder to keep the repetition in");
        }

        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(keep));
        string scratch = Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Path.GetFileName(full)}.partial-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(scratch);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{keep}: cannot be written: {error.Message}", error);
        }

        return new RepeatFolder(full, scratch);
    }

    /// <summary>Puts the results in their place, where they are to be kept.</summary>
    /// <exception cref="IOException">The folder cannot be put there.</exception>
    public void Keep()
    {
        if (keep is not null)
        {
            AtomicFile.ReplaceFolder(keep, Results);
        }
    }

    /// <summary>Removes what was not kept.</summary>
    public void Dispose() => Directory.Delete(Scratch, recursive: true);
}
