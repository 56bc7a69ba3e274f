using System.Text.RegularExpressions;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Memory;

namespace Hybrid.Cli;

/// <summary>What the process answers with; docs/cli.md lists the same numbers.</summary>
internal static partial class ExitCode
{
    public const int Success = 0;

    /// <summary>A defect of the program.</summary>
    public const int Internal = 1;

    /// <summary>The command line itself is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Stopped by Ctrl-C or SIGTERM.</summary>
    public const int Cancelled = 130;

    private const int NativeLibrary = 20;
    private const int OutOfMemory = 21;
    private const int NoDevice = 22;
    private const int NotRepeated = 23;

    private const string MemoryAdvice = "a smaller batch size, --activation-checkpointing on and --second-model-on-host on take less, and --plan says how much";

    /// <summary>The code of an error, and the one line that explains it.</summary>
    public static (int Code, string Line) Of(Exception error)
    {
        (int code, string text) = Describe(error);
        return (code, text.ReplaceLineEndings(" ").TrimEnd());
    }

    private static (int Code, string Text) Describe(Exception error) => error switch
    {
        OperationCanceledException => (Cancelled, "cancelled"),
        HybridException known => (OfKind(known.Kind), known.Message.ReplaceLineEndings(" ")),
        NativeException { Status: NativeStatus.AbiMismatch } mismatch => (NativeLibrary, mismatch.Message),
        NativeException { Status: NativeStatus.OutOfMemory } memory => (OutOfMemory, $"out of memory: {Wanted(memory.Message)}; {MemoryAdvice}"),
        NativeException { Status: NativeStatus.Device } device => (NoDevice, device.Message),
        NativeException { Status: NativeStatus.Io } file => (OfKind(ErrorKind.Io), file.Cause),
        IOException or UnauthorizedAccessException => (OfKind(ErrorKind.Io), error.Message),
        DllNotFoundException or EntryPointNotFoundException => (NativeLibrary, error.Message),
        OutOfMemoryException => (OutOfMemory, $"out of memory: the host has none left; {MemoryAdvice}"),
        _ => (Internal, $"internal error: {error.Message} ({error.GetType().Name}; --trace shows where)"),
    };

    /// <summary>What was asked for, without the place in LibTorch's source where it was refused.</summary>
    private static string Wanted(string message)
    {
        Match wanted = HostAllocation().Match(message);
        return wanted.Success && long.TryParse(wanted.Groups["bytes"].Value, out long bytes) ? $"{wanted.Groups["operation"].Value} wants {MemoryFit.Gigabytes(bytes)} more of the host, which are not there" : message;
    }

    [GeneratedRegex(@"^(?<operation>\w+): \[enforce fail at .*you tried to allocate (?<bytes>\d+) bytes", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex HostAllocation();

    private static int OfKind(ErrorKind kind) => kind switch
    {
        ErrorKind.ModelFile => 10,
        ErrorKind.UnsupportedModel => 11,
        ErrorKind.Tokenizer => 12,
        ErrorKind.DataFile => 13,
        ErrorKind.BlockPlan => 14,
        ErrorKind.EmptySplit => 15,
        ErrorKind.Diverged => 16,
        ErrorKind.Config => 17,
        ErrorKind.Mismatch => 18,
        ErrorKind.Io => 19,
        ErrorKind.Memory => OutOfMemory,
        ErrorKind.NotRepeated => NotRepeated,
        _ => Internal,
    };
}
