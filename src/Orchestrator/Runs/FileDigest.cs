using System.Security.Cryptography;
using Hybrid.Orchestrator.Data;

namespace Hybrid.Orchestrator.Runs;

/// <summary>A file as it was: its length and the SHA-256 of its bytes.</summary>
/// <param name="Path">Of what a run read: the full path. Of what it wrote: the path in its folder, with '/' between the parts.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">In lower-case hexadecimal; null where nobody knows what was read: the file was changed while the run was reading it, or could not be read once more.</param>
internal sealed record FileDigest(string Path, long Bytes, string? Sha256)
{
    private const int BufferBytes = 1 << 20;

    /// <summary>More files at a time than this wait for the disk.</summary>
    private const int MostAtATime = 4;

    /// <summary>Of files that are there, in their order.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="cancellation">Checked before each megabyte.</param>
    /// <exception cref="HybridException">Io: one cannot be read.</exception>
    public static IReadOnlyList<FileDigest> Of(IEnumerable<string> paths, CancellationToken cancellation = default) => Each([.. paths], path => Of(path, cancellation));

    /// <summary>The same, without a digest where a file cannot be read: what a run read may be gone when it ends, and that must not take its result along.</summary>
    public static IReadOnlyList<FileDigest> OfReadable(IEnumerable<string> paths) => Each([.. paths], path =>
    {
        try
        {
            return Of(path, CancellationToken.None);
        }
        catch (HybridException error) when (error.Kind == ErrorKind.Io)
        {
            return Unknown(path);
        }
    });

    /// <summary>A file of which nobody knows what it was.</summary>
    public static FileDigest Unknown(string path) => new(path, 0, null);

    /// <summary>Of what a run wrote into a folder.</summary>
    /// <exception cref="HybridException">Io.</exception>
    public static IReadOnlyList<FileDigest> In(string folder, IEnumerable<string> paths, CancellationToken cancellation = default) =>
    [
        .. Of(paths, cancellation).Select(digest => digest with { Path = System.IO.Path.GetRelativePath(folder, digest.Path).Replace('\\', '/') }).OrderBy(digest => digest.Path, StringComparer.Ordinal),
    ];

    /// <summary>What is no longer so of the file, in a few words; null where it is as it was.</summary>
    /// <param name="path">Where the file is now.</param>
    /// <param name="cancellation">Checked before each megabyte.</param>
    /// <exception cref="HybridException">Io: it cannot be read.</exception>
    public string? ChangeOf(string path, CancellationToken cancellation = default)
    {
        if (Sha256 is null)
        {
            return "was changed or went away while the run was reading it; what it read is not known";
        }

        var file = new FileInfo(RealPath.Of(path));
        return !file.Exists ? "is not there any more"
            : file.Length != Bytes ? $"has {file.Length} bytes, then it had {Bytes}"
            : Of(path, cancellation).Sha256 is var now && now != Sha256 ? $"has SHA-256 {now}, then it had {Sha256}"
            : null;
    }

    private static FileDigest[] Each(string[] paths, Func<string, FileDigest> digest)
    {
        var digests = new FileDigest[paths.Length];
        try
        {
            Parallel.For(0, paths.Length, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(MostAtATime, Environment.ProcessorCount) }, i => digests[i] = digest(paths[i]));
        }
        catch (AggregateException several)
        {
            throw several.InnerExceptions.FirstOrDefault(error => error is OperationCanceledException or HybridException) ?? several;
        }

        return digests;
    }

    private static FileDigest Of(string path, CancellationToken cancellation)
    {
        try
        {
            // Of a link, the length of what it leads to. What has none, such as a device or a pipe, is not opened: it might never end.
            string real = RealPath.Of(path);
            long length = new FileInfo(real).Length;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            if (length > 0)
            {
                Add(hash, real, length, cancellation);
            }

            return new FileDigest(path, length, Convert.ToHexStringLower(hash.GetCurrentHash()));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HybridException(ErrorKind.Io, $"{path}: cannot be read for its SHA-256: {error.Message}", error);
        }
    }

    private static void Add(IncrementalHash hash, string path, long length, CancellationToken cancellation)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        byte[] buffer = new byte[Math.Min(length, BufferBytes)];
        for (long left = length; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = stream.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            if (read == 0)
            {
                throw new IOException($"it ended {left} bytes early");
            }

            hash.AppendData(buffer, 0, read);
            left -= read;
        }
    }
}
