using System.Diagnostics;
using System.Globalization;

namespace Hybrid.Faults.DuringRuns;

/// <summary>A file system of its own in memory, of which there may be little, and which may be read only. Needs the superuser.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>Mounts it on a folder; null where this user may not.</summary>
    public static SmallDisk? TryMount(string folder, long bytes)
    {
        Directory.CreateDirectory(folder);
        return Run("mount", "-t", "tmpfs", "-o", Size(bytes), "none", folder) ? new SmallDisk(folder) : null;
    }

    /// <summary>Another size; what is there stays.</summary>
    public void Resize(long bytes) => Run("mount", "-o", $"remount,rw,{Size(bytes)}", Folder);

    /// <summary>From now on it may only be read.</summary>
    public void ReadOnly() => Run("mount", "-o", "remount,ro", Folder);

    /// <summary>Fills what is left of it.</summary>
    public void Fill()
    {
        try
        {
            using FileStream stream = new(Path.Combine(Folder, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            for (byte[] page = new byte[4096]; ;)
            {
                stream.Write(page);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Unmounts it.</summary>
    public void Dispose() => Run("umount", Folder);

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"size={bytes}");

    private static bool Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
