using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Hybrid.Orchestrator.Runs;

/// <summary>A text file that grows by whole lines: one that cannot be written whole is taken back, and one that a crash cut off is removed when the file is opened. Safe to use from several threads.</summary>
internal sealed class LineFile : IDisposable
{
    private readonly Lock gate = new();
    private readonly string path;
    private readonly SafeFileHandle handle;
    private long end;

    /// <summary>Opens it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="append">Whether the lines that are there stay.</param>
    /// <exception cref="IOException">It cannot be opened; so <see cref="UnauthorizedAccessException"/>.</exception>
    public LineFile(string path, bool append)
    {
        this.path = path;
        handle = File.OpenHandle(path, append ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.ReadWrite, FileShare.Read);
        end = EndOfLastLine();
        RandomAccess.SetLength(handle, end);
    }

    /// <summary>Writes a line.</summary>
    /// <exception cref="HybridException">Io: the disk is full, or the like.</exception>
    public void Append(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (gate)
        {
            try
            {
                RandomAccess.Write(handle, bytes, end);
                end += bytes.Length;
            }
            catch (Exception error) when (FileFault.Is(error))
            {
                RandomAccess.SetLength(handle, end);
                throw FileFault.Of(path, "cannot be written", error);
            }
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => handle.Dispose();

    /// <summary>The position after the last end of a line, looked for from the file's end.</summary>
    private long EndOfLastLine()
    {
        byte[] piece = new byte[4096];
        for (long last = RandomAccess.GetLength(handle); last > 0;)
        {
            long first = Math.Max(0, last - piece.Length);
            int read = RandomAccess.Read(handle, piece.AsSpan(0, (int)(last - first)), first);
            int newline = piece.AsSpan(0, read).LastIndexOf((byte)'\n');
            if (newline >= 0)
            {
                return first + newline + 1;
            }

            last = first;
        }

        return 0;
    }
}
