using System.Text;

namespace Hybrid.Orchestrator.Text;

/// <summary>
/// The byte-level alphabet of GPT-2: each of the 256 bytes is written as one printable character, so that a vocabulary of byte
/// strings can be kept as JSON text. Printable Latin-1 bytes stand for themselves; the other 68 take U+0100 onwards in byte order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();
    private static readonly short[] Bytes = MakeBytes();

    /// <summary>The character that stands for a byte.</summary>
    public static char ToChar(byte value) => Characters[value];

    /// <summary>Writes bytes as alphabet characters; <paramref name="destination"/> must be at least as long as the bytes.</summary>
    public static void ToChars(ReadOnlySpan<byte> bytes, Span<char> destination)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            destination[i] = Characters[bytes[i]];
        }
    }

    /// <summary>The bytes that a token's text stands for, or its plain UTF-8 where some character is outside the alphabet.</summary>
    public static byte[] ToBytes(string token)
    {
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = token[i] < Bytes.Length ? Bytes[token[i]] : -1;
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static bool StandsForItself(int value) => value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static char[] MakeCharacters()
    {
        char[] characters = new char[256];
        int next = 0x100;
        for (int value = 0; value < characters.Length; value++)
        {
            characters[value] = (char)(StandsForItself(value) ? value : next++);
        }

        return characters;
    }

    private static short[] MakeBytes()
    {
        short[] bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < Characters.Length; value++)
        {
            bytes[Characters[value]] = (short)value;
        }

        return bytes;
    }
}
