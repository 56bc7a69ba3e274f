using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hybrid.Orchestrator;

namespace Hybrid.Faults.Hostile;

/// <summary>What became of reading one input.</summary>
/// <param name="Shape">What happened without the input's own words, for telling new outcomes from known ones.</param>
/// <param name="Accepted">Whether it was read.</param>
/// <param name="Fault">What is wrong with the outcome; null where nothing is.</param>
/// <param name="Bytes">Bytes of the managed heap that reading took, those given back at once included.</param>
internal sealed record Verdict(string Shape, bool Accepted, string? Fault, long Bytes);

/// <summary>
/// Reads an input and judges the outcome: it reads, or it is refused by a <see cref="HybridException"/> whose message is one line that
/// names the file. Anything else is a fault, and so are more time and memory than an input of its size may take.
/// </summary>
internal static class Judge
{
    /// <summary>What reading may allocate whatever the input is.</summary>
    public const long BytesForAny = 16 << 20;

    /// <summary>And for each byte of the input.</summary>
    public const long BytesForEach = 1000;

    private const int LongestMessage = 2000;
    private const int LongestShape = 60;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    /// <summary>Writes the input to the file and reads it.</summary>
    public static Verdict Read(InputFile file, byte[] input)
    {
        file.Write(input);
        (Verdict verdict, TimeSpan time) = Once(file.Kind, file.Path, input.Length);
        if (time > Longest)
        {
            // What another thread computes may be counted once; not twice.
            (verdict, time) = Once(file.Kind, file.Path, input.Length);
        }

        return time > Longest ? verdict with { Fault = $"took {time.TotalSeconds:F1} s" } : verdict;
    }

    private static (Verdict Verdict, TimeSpan Time) Once(ReaderKind kind, string path, int length)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        TimeSpan computed = Environment.CpuUsage.TotalTime;
        Exception? caught = null;
        try
        {
            kind.Read(path);
        }
        catch (Exception error)
        {
            caught = error;
        }

        // Of the process's computing and the clock's time the smaller: others' load does not count, nor what other threads compute beyond it.
        TimeSpan time = TimeSpan.FromTicks(Math.Min(Stopwatch.GetElapsedTime(start).Ticks, (Environment.CpuUsage.TotalTime - computed).Ticks));
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        string? fault = bytes > BytesForAny + (BytesForEach * length) ? $"allocated {bytes:N0} bytes for {length:N0}" : FaultOf(caught, Path.GetDirectoryName(path)!);
        string shape = caught is null ? "read" : $"{caught.GetType().Name}: {ShapeOf(caught.Message.Replace(path, string.Empty, StringComparison.Ordinal))}";
        return (new(shape, caught is null, fault, bytes), time);
    }

    private static string? FaultOf(Exception? caught, string folder) => caught switch
    {
        null => null,
        not HybridException => $"{caught.GetType().Name}: {caught.Message.ReplaceLineEndings(" ")} {Place(caught)}",
        { Message: var message } when message.Length > LongestMessage => $"a message of {message.Length} characters",
        { Message: var message } when message.EnumerateRunes().Any(IsNoText) || !IsUnicode(message) => "a message that is not one line of text",
        { Message: var message } when !message.Contains(folder, StringComparison.Ordinal) => $"a message that names no file: {message}",
        _ => null,
    };

    private static bool IsUnicode(string text)
    {
        for (int i = 0; i < text.Length; i += char.IsHighSurrogate(text[i]) ? 2 : 1)
        {
            if (char.IsLowSurrogate(text[i]) || (char.IsHighSurrogate(text[i]) && (i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsNoText(Rune letter) =>
        Rune.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static string Place(Exception error) => error.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("Hybrid.Orchestrator", StringComparison.Ordinal))?.Trim() ?? string.Empty;

    /// <summary>How the message begins: without digits, and up to the first word that is quoted, which is the input's.</summary>
    private static string ShapeOf(string message)
    {
        string shape = string.Concat(message.TakeWhile(letter => letter is not ('\'' or '"')).Where(letter => !char.IsAsciiDigit(letter) && char.IsAscii(letter)));
        return shape.Length <= LongestShape ? shape : shape[..LongestShape];
    }
}
