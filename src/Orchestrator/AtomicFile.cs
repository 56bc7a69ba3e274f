using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace Hybrid.Orchestrator;

/// <summary>Files and folders that are put in place whole or not at all.</summary>
internal static partial class AtomicFile
{
    /// <summary>Writes a text as UTF-8, as <see cref="WriteBytes"/> does.</summary>
    public static void WriteText(string path, string text) => WriteBytes(path, Encoding.UTF8.GetBytes(text));

    /// <summary>
    /// Writes to a temporary file beside the path, flushes it to disk and renames it over the path. What is no file but a device or an
    /// open descriptor (<c>/dev/null</c>, <c>/dev/fd/3</c>) is written to as it stands: a rename would put a file in its place.
    /// </summary>
    /// <exception cref="HybridException">Io: it cannot be written; what was there is there still.</exception>
    public static void WriteBytes(string path, ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (IsWrittenInPlace(path))
            {
                using var device = new FileStream(path, FileMode.Open, FileAccess.Write);
                device.Write(bytes);
                return;
            }

            WriteBeside(path, TemporaryOf(path), bytes);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(path, "cannot be written", error);
        }
    }

    /// <summary>Makes sure that a file can be written beside the path, without touching what is there.</summary>
    /// <exception cref="HybridException">Io: it cannot.</exception>
    public static void CheckWritable(string path)
    {
        if (IsWrittenInPlace(path))
        {
            return;
        }

        string temporary = TemporaryOf(path);
        try
        {
            File.WriteAllBytes(temporary, new byte[1]);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            throw FileFault.Of(path, "cannot be written", error);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>Deletes the temporary files that processes left that died while they wrote; nobody else may be writing in the folder.</summary>
    public static void DeleteLeftovers(string folder, SearchOption depth)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*.tmp.*", depth).Where(IsLeftover).ToArray())
        {
            File.Delete(file);
        }
    }

    /// <summary>Whether a file is one that <see cref="WriteBytes"/> writes before it renames it.</summary>
    public static bool IsLeftover(string file) => Leftover().IsMatch(file);

    /// <summary>Moves a finished folder to its place, where another may stand; that one is deleted afterwards, or put back if the move fails.</summary>
    public static void ReplaceFolder(string folder, string fresh)
    {
        if (!Directory.Exists(folder))
        {
            Directory.Move(fresh, folder);
            return;
        }

        string old = fresh + "-old";
        Directory.Move(folder, old);
        try
        {
            Directory.Move(fresh, folder);
        }
        catch
        {
            Directory.Move(old, folder);
            throw;
        }

        Directory.Delete(old, recursive: true);
    }

    private static string TemporaryOf(string path) => $"{path}.tmp.{Guid.NewGuid():N}";

    [GeneratedRegex(@"\.tmp\.[0-9a-f]{32}\z")]
    private static partial Regex Leftover();

    private static void WriteBeside(string path, string temporary, ReadOnlySpan<byte> bytes)
    {
        using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
        {
            // No buffer: what is refused is known here, and not once more when the file is closed.
            try
            {
                RandomAccess.Write(file, bytes, 0);
                RandomAccess.FlushToDisk(file);
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
    }

    /// <summary>Whether a path lies among the devices or processes of a Unix system. /dev/shm holds ordinary files.</summary>
    internal static bool IsWrittenInPlace(string path)
    {
        string full = Path.GetFullPath(path);
        return full.StartsWith("/proc/", StringComparison.Ordinal)
            || (full.StartsWith("/dev/", StringComparison.Ordinal) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal));
    }
}
