using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;

namespace Hybrid.Benchmarks.Interop;

/// <summary>Counts the native calls of one gradient difference step exactly: in a process of its own, whose libhybrid.so is the counter.</summary>
internal static class CallCounter
{
    private const string Command = "count-calls";

    /// <summary>Calls by function of one step on a size, once the optimizer's state is there.</summary>
    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static IReadOnlyDictionary<string, ulong> Count()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Command]) { RedirectStandardOutput = true };
        start.Environment["HYBRID_LIBRARY"] = NativeLibraries.Counter;
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<Dictionary<string, ulong>>(output)!
            : throw new InvalidOperationException($"{Command} ended with exit code {process.ExitCode}");
    }

    /// <summary>The command that the process runs: prints the calls as JSON.</summary>
    public static Command Make()
    {
        var command = new Command(Command, "Counts the native calls of one step; for the interop benchmark itself.") { Hidden = true };
        command.SetAction(_ =>
        {
            DirectoryInfo folder = Directory.CreateTempSubdirectory("hybrid-benchmarks-");
            try
            {
                using var step = new DemoStep(folder.FullName);
                step.Run();
                Dictionary<string, ulong> before = NativeLibraries.Calls();
                step.Run();
                Dictionary<string, ulong> after = NativeLibraries.Calls();
                Console.WriteLine(JsonSerializer.Serialize(after.Select(call => KeyValuePair.Create(call.Key, call.Value - before[call.Key])).Where(call => call.Value > 0).ToDictionary()));
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        });
        return command;
    }
}
