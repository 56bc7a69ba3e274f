using System.Text;

namespace Hybrid.Orchestrator.Data;

/// <summary>Reads text files of the user's own: UTF-8 throughout, with or without a byte order mark.</summary>
internal static class TextFile
{
    /// <summary>
    /// The lines without their ends and without the byte order mark that Windows editors put before them. Each line with a byte that is
    /// not UTF-8 is handed to <paramref name="onFault"/>, and left out if that returns.
    /// </summary>
    /// <exception cref="HybridException"><see cref="ErrorKind.DataFile"/>: missing; <see cref="ErrorKind.Io"/>: cannot be read.</exception>
    public static IReadOnlyList<string> ReadLines(string path, Action<DataFault> onFault)
    {
        ReadOnlySpan<byte> bytes = JsonlReader.ReadBytes(path);
        bytes = bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;
        List<string> lines = [];
        int number = 0;
        foreach (Range range in bytes.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> line = bytes[range];
            int invalid = JsonlReader.FindInvalidUtf8(line);
            if (invalid < 0)
            {
                lines.Add(Encoding.UTF8.GetString(line).TrimEnd('\r'));
            }
            else
            {
                onFault(new(DataFaultKind.Encoding, $"{path}:{number}: byte 0x{line[invalid]:X2} is not UTF-8; expected UTF-8 throughout"));
            }
        }

        return lines;
    }
}
