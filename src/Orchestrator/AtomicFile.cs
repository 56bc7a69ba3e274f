using System.Text;

namespace Hybrid.Orchestrator;

/// <summary>Text files that are written whole or not at all.</summary>
public static class AtomicFile
{
    /// <summary>Writes to a temporary file beside the path, flushes it to disk and renames it over the path.</summary>
    public static void WriteText(string path, string text)
    {
        string temporary = $"{path}.tmp.{Environment.ProcessId}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
