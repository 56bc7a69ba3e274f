using Hybrid.Interop;

namespace Hybrid.Orchestrator;

/// <summary>What a refusal of the operating system means to the user and what can be done, in place of its own words, which name temporary files.</summary>
internal static class FileFault
{
    /// <summary>Numbers are Linux's; native code hands on the text only.</summary>
    private static readonly (int Number, string Text, string Meaning)[] Known =
    [
        (28, "No space left on device", "no space is left there; free some, or name another place, and run it again"),
        (122, "Disk quota exceeded", "the quota there is used up; free some, or name another place, and run it again"),
        (27, "File too large", "files may not grow that large (ulimit -f, or the file system); raise the limit, or name another place, and run it again"),
        (30, "Read-only file system", "the file system there may only be read; name another place"),
        (13, "Permission denied", "this user may not write there; name another place, or ask for the right to"),
        (1, "Operation not permitted", "this user may not write there; name another place, or ask for the right to"),
        (36, "File name too long", "the name is too long; name a shorter one"),
        (5, "Input/output error", "the device reports an error; name another place, and run it again"),
    ];

    /// <summary>Whether an exception is such a refusal.</summary>
    public static bool Is(Exception error) => error is IOException or UnauthorizedAccessException or NativeException { Status: NativeStatus.Io } || IsTooLarge(error);

    /// <summary>The error that says what could not be done to a path, and why.</summary>
    /// <param name="path">The file or folder, as the user knows it.</param>
    /// <param name="what">What failed: <c>cannot be written</c>.</param>
    /// <param name="error">The refusal.</param>
    public static HybridException Of(string path, string what, Exception error) => new(ErrorKind.Io, $"{path}: {what}: {(FileAbove(path) is { } file ? $"{file} is a file and no folder; name another place" : Reason(error))}", error);

    /// <summary>Why, without the path.</summary>
    public static string Reason(Exception error)
    {
        int number = error switch
        {
            PathTooLongException => 36,
            UnauthorizedAccessException => 13,
            IOException when error.Message.EndsWith("because the disk was full.", StringComparison.Ordinal) => 28, // .NET's own words where it takes room
            IOException when error.Message.EndsWith("because the file was too large.", StringComparison.Ordinal) => 27,
            IOException => error.HResult,
            _ => IsTooLarge(error) ? 27 : 0,
        };
        string text = error is NativeException native ? native.Cause : error.Message;
        (int Number, string Text, string Meaning) known = Known.FirstOrDefault(fault => fault.Number == number || text.Contains(fault.Text, StringComparison.Ordinal));
        return known.Meaning ?? text;
    }

    /// <summary>How .NET reports EFBIG.</summary>
    private static bool IsTooLarge(Exception error) => error is ArgumentOutOfRangeException { ParamName: "value" } && error.Message.StartsWith("Specified file length was too large", StringComparison.Ordinal);

    /// <summary>The part of a path that ought to be a folder and is a file, if there is one. The system reports it in a different way for each call.</summary>
    private static string? FileAbove(string path)
    {
        for (string? above = Path.GetDirectoryName(Path.GetFullPath(path)); above is not null; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(above))
            {
                return above;
            }
        }

        return null;
    }
}
