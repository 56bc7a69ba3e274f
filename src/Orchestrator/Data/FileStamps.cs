using System.Security.Cryptography;
using System.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>Tells whether files are still those that a result was made from, without reading them.</summary>
internal static class FileStamps
{
    /// <summary>Path, size and time of the last change of each file that is there.</summary>
    public static string[] Of(IEnumerable<string> paths) =>
        [.. paths.Select(path => new FileInfo(path)).Where(file => file.Exists).Select(file => FormattableString.Invariant($"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}"))];

    /// <summary>The same for all files together, in a short text.</summary>
    public static string Digest(IEnumerable<string> paths) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Of(paths)))))[..16];
}
