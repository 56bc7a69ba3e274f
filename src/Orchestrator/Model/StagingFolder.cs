using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Hybrid.Orchestrator.Model;

/// <summary>
/// A folder that is filled beside the place it is meant for, <c>.NAME.partial-…</c>. A lock file beside it is held while its process lives, so
/// that what a killed process left can be told from what another one is filling, and goes when the same place is staged next.
/// </summary>
internal sealed class StagingFolder : IDisposable
{
    private const string LockSuffix = ".lock";
    private const string RoomSuffix = "-room";

    /// <summary>What <see cref="AtomicFile.ReplaceFolder"/> calls the folder that makes room for another.</summary>
    private const string ReplacedSuffix = "-old";

    private const string CarriedSuffix = "-carried";

    private readonly FileStream held;

    private StagingFolder(string path, FileStream held)
    {
        FullPath = path;
        this.held = held;
    }

    /// <summary>The folder to fill.</summary>
    public string FullPath { get; }

    /// <summary>A folder for what is needed when it is filled, made by whoever needs it.</summary>
    public string Carried => FullPath + CarriedSuffix;

    /// <summary>Makes the folder for a target, after removing what dead processes left of theirs.</summary>
    /// <exception cref="IOException">It cannot be made; so <see cref="UnauthorizedAccessException"/>.</exception>
    public static StagingFolder Create(string target)
    {
        string path = PrefixOf(target) + Guid.NewGuid().ToString("N");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FileStream held = Hold(path + LockSuffix);
        try
        {
            Directory.CreateDirectory(path);
            return new StagingFolder(path, held);
        }
        catch
        {
            File.Delete(path + LockSuffix);
            held.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Removes what dead processes were filling for a target. Where one died between taking the old folder away and putting its own there, the
    /// old one is put back. What another machine left, or lies where locks do not work, is left alone.
    /// </summary>
    public static void RemoveDead(string target)
    {
        string prefix = PrefixOf(target), parent = Path.GetDirectoryName(prefix)!;
        if (!Directory.Exists(parent))
        {
            return;
        }

        foreach (string file in Directory.GetFiles(parent).Where(file => IsLock(file, prefix)))
        {
            try
            {
                using FileStream dead = new(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                if (new StreamReader(dead).ReadToEnd() == Environment.MachineName && LocksWork(file))
                {
                    RemoveAll(file[..^LockSuffix.Length], target);
                    File.Delete(file);
                }
            }
            catch (Exception error) when (FileFault.Is(error))
            {
                // Its process lives, or this user may not remove it: it is in nobody's way.
            }
        }
    }

    /// <summary>Takes the room on the disk that the folder will need, until <see cref="GiveRoom"/>.</summary>
    /// <param name="bytes">Of all files.</param>
    /// <param name="largest">Of the largest one, which may be more than a file may have.</param>
    /// <exception cref="IOException">There is less.</exception>
    public void TakeRoom(long bytes, long largest)
    {
        GiveRoom();
        using SafeFileHandle room = File.OpenHandle(FullPath + RoomSuffix, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, preallocationSize: bytes);
        RandomAccess.SetLength(room, largest);
    }

    /// <summary>Gives the room back, for the folder to be filled.</summary>
    public void GiveRoom() => File.Delete(FullPath + RoomSuffix);

    /// <summary>Removes what was not finished.</summary>
    public void Dispose()
    {
        try
        {
            foreach (string folder in new[] { FullPath, Carried }.Where(Directory.Exists))
            {
                Directory.Delete(folder, recursive: true);
            }

            GiveRoom();
            File.Delete(FullPath + LockSuffix);
        }
        catch (Exception error) when (FileFault.Is(error))
        {
            // An error that is under way must not be hidden by this one; whoever stages the same place next removes the rest.
        }

        held.Dispose();
    }

    private static string PrefixOf(string target)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        return Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Path.GetFileName(full)}.partial-");
    }

    private static bool IsLock(string file, string prefix) =>
        file.StartsWith(prefix, StringComparison.Ordinal) && file.EndsWith(LockSuffix, StringComparison.Ordinal) && Guid.TryParseExact(file[prefix.Length..^LockSuffix.Length], "N", out _);

    /// <summary>A lock file that is held and says whose it is from the moment it is there: it gets its name last.</summary>
    private static FileStream Hold(string path)
    {
        string unnamed = path + ".new";
        var held = new FileStream(unnamed, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0); // a buffer that a full disk refuses would be tried once more when it is closed
        try
        {
            held.Write(Encoding.UTF8.GetBytes(Environment.MachineName));
            File.Move(unnamed, path);
            return held;
        }
        catch
        {
            held.Dispose();
            File.Delete(unnamed);
            throw;
        }
    }

    /// <summary>Whether the file system knows locks at all: one that is held here must be refused here.</summary>
    private static bool LocksWork(string held)
    {
        try
        {
            new FileStream(held, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static void RemoveAll(string staging, string target)
    {
        string replaced = staging + ReplacedSuffix;
        if (Directory.Exists(replaced) && !Path.Exists(target))
        {
            Directory.Move(replaced, Path.TrimEndingDirectorySeparator(target));
        }

        foreach (string folder in new[] { staging, staging + CarriedSuffix, replaced }.Where(Directory.Exists))
        {
            Directory.Delete(folder, recursive: true);
        }

        File.Delete(staging + RoomSuffix);
    }
}
