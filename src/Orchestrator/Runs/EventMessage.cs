using System.Buffers.Binary;
using System.Text;

namespace Hybrid.Orchestrator.Runs;

/// <summary>
/// The few fields of TensorBoard's Event message that scalars need, as protocol buffers: wall_time = 1 (double), step = 2 (int64),
/// file_version = 3 (string), summary = 5; Summary.value = 1; Value.tag = 1 (string), simple_value = 2 (float).
/// </summary>
internal static class EventMessage
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    /// <summary>The first event of a file.</summary>
    public static byte[] FileVersion(double wallTime)
    {
        using var message = new MemoryStream();
        WriteDouble(message, 1, wallTime);
        WriteBytes(message, 3, "brain.Event:2"u8);
        return message.ToArray();
    }

    /// <summary>Scalars of one step.</summary>
    public static byte[] Scalars(double wallTime, long step, IEnumerable<(string Tag, float Value)> scalars)
    {
        using var summary = new MemoryStream();
        foreach ((string tag, float scalar) in scalars)
        {
            using var value = new MemoryStream();
            WriteBytes(value, 1, Encoding.UTF8.GetBytes(tag));
            WriteFloat(value, 2, scalar);
            WriteBytes(summary, 1, value.ToArray());
        }

        using var message = new MemoryStream();
        WriteDouble(message, 1, wallTime);
        WriteKey(message, 2, Varint);
        WriteVarint(message, (ulong)step);
        WriteBytes(message, 5, summary.ToArray());
        return message.ToArray();
    }

    private static void WriteKey(Stream stream, int field, int wireType) => WriteVarint(stream, (ulong)((field << 3) | wireType));

    private static void WriteVarint(Stream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }

    private static void WriteBytes(Stream stream, int field, ReadOnlySpan<byte> bytes)
    {
        WriteKey(stream, field, Delimited);
        WriteVarint(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    private static void WriteDouble(Stream stream, int field, double value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        WriteKey(stream, field, Fixed64);
        stream.Write(bytes);
    }

    private static void WriteFloat(Stream stream, int field, float value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        WriteKey(stream, field, Fixed32);
        stream.Write(bytes);
    }
}
