using System.Text;

namespace Hybrid.Faults.Hostile;

/// <summary>Pieces of text that readers have been known to stumble over, each as bytes, since some are not text at all.</summary>
internal static class Tricks
{
    /// <summary>Put in place of a token, or between two.</summary>
    public static IReadOnlyList<byte[]> Tokens { get; } =
    [
        .. Numbers.Concat(Words).Concat(Strings).Concat(Names).Select(Encoding.UTF8.GetBytes),
        .. NotUnicode,
        .. Long,
    ];

    private static IEnumerable<string> Numbers =>
    [
        "0", "-0", "-1", "1", "1.0", "0.0", "1.5", "00", "01", "1e5", "1E+400", "-1e400", "1e-400", "NaN", "Infinity", ".inf", "-.inf", ".nan", "0x10", "1_000", "+1",
        "127", "128", "255", "256", "257", "32768", "65536", "1048575", "1048576", "16777215", "16777216", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967296",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "79228162514264337593543950335", "1e28", new('9', 400), "0." + new string('0', 400) + "1",
    ];

    private static IEnumerable<string> Words =>
    [
        "null", "true", "false", "True", "yes", "~", "{}", "[]", "[[]]", "{", "}", "[", "]", ",", ":", "\"", "'", "-", "- ", "? ", "#", "&a", "*a", "!!str", "!x", "|", ">", "%", "@", "`", "<<", "---", "...", "\n", "\r\n", "\r", "\t",
        "\n\n", " ", "//", "/**/", "preset: tiny\n", "{\"a\": 1, \"a\": 2}", "{\"a\":", "[1,", "&a [*a]", "&a {k: *a}", "\n  ", "\n- ", "\n? ", ": ", "{a: 1, a: 2}",
    ];

    private static IEnumerable<string> Strings =>
    [
        "\"\"", "\" \"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\u000a\"", "\"\\u001b[2J\"", "\"\\u2028\"", "\"\\u202e\"", "\"\\u0085\"", "\"\\x41\"", "\"\\", "\"\\u12",
        "\u00e9", "\u0130", "\u0000", "\u001b[2J", "\u0085", "\u2028", "\u2029", "\u202e", "\ufeff", "\ufffe", "\U0001F600", "e\u0301", "\u0120", "\u010a",
    ];

    private static IEnumerable<string> Names =>
    [
        "\"../../etc/passwd\"", "\"/etc/passwd\"", "\"..\"", "\".\"", "\"a/../../b\"", "\"C:\\\\x\"", "\"a\\\\b\"", "\"file:///etc/passwd\"", "\"model.safetensors\"", "\"con\"", "../x.jsonl", "/etc/passwd", "./a.jsonl", "a//a.jsonl",
        "\"__proto__\"", "\"__metadata__\"", "\"$type\"", "\"<s>\"", "\"<|begin_of_text|>\"", "\"a\"", "\"type\"", "\"id\"", "\"content\"",
    ];

    /// <summary>A byte order mark, a zero, overlong forms, surrogates as UTF-8, bytes that never stand in UTF-8.</summary>
    private static IEnumerable<byte[]> NotUnicode => [[0xEF, 0xBB, 0xBF], [0], [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xFE, 0xFF], [0x22, 0xFF, 0x22]];

    private static IEnumerable<byte[]> Long =>
    [
        Repeated("[", 70), Repeated("[", 3000), Repeated("{\"a\":", 70), Repeated("{\"a\":", 1000), Repeated("{a: ", 20), Repeated("- ", 500), Repeated("? ", 200), Repeated("\"", 333), Repeated("\\", 333), Repeated("\n", 333), Repeated(" ", 2000),
        Repeated("x", 300), Repeated("x", 1500), Repeated("[1,", 300), Encoding.UTF8.GetBytes('"' + new string('y', 2500) + '"'), Encoding.UTF8.GetBytes('"' + string.Concat(Enumerable.Repeat("\\u000a", 200)) + '"'),
        Encoding.UTF8.GetBytes("[" + string.Join(',', Enumerable.Range(0, 300)) + "]"), Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, 150).Select(i => $"\"k{i}\": {i}")) + "}"),
    ];

    private static byte[] Repeated(string text, int times) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(text, times)));
}
