using System.Text;

namespace Hybrid.Interop;

/// <summary>Strings for C.</summary>
internal static class Utf8
{
    // A lone surrogate has no UTF-8 form: better an exception than a file under another name.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static byte[] ZeroTerminated(string text)
    {
        if (text.Contains('\0'))
        {
            throw new ArgumentException("the text holds a zero character", nameof(text));
        }

        byte[] bytes = new byte[Strict.GetByteCount(text) + 1];
        Strict.GetBytes(text, bytes);
        return bytes;
    }
}
