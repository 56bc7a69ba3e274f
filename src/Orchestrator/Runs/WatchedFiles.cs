using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// The files that a run reads: what they are when it begins is remembered by size and time, which costs nothing, and their bytes are hashed
/// when it ends. A file that has another size or time by then, or is gone, has no digest.
/// </summary>
internal sealed class WatchedFiles
{
    private readonly (string Path, string Stamp)[] files;

    private WatchedFiles((string Path, string Stamp)[] files) => this.files = files;

    /// <summary>No files.</summary>
    public static WatchedFiles None { get; } = new([]);

    /// <summary>Begins to watch those of the files that are there.</summary>
    public static WatchedFiles Begin(IEnumerable<string> paths) =>
        new([.. paths.Select(Path.GetFullPath).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Where(File.Exists).Select(path => (path, StampOf(path)))]);

    /// <summary>What was read.</summary>
    public IReadOnlyList<FileDigest> End() =>
        [.. FileDigest.OfReadable(files.Select(file => file.Path)).Zip(files, (digest, file) => StampOf(file.Path) == file.Stamp ? digest : FileDigest.Unknown(file.Path))];

    private static string StampOf(string path) => FileStamps.Of([RealPath.Of(path)]).SingleOrDefault(string.Empty);
}
