using System.Diagnostics;
using System.Security.Cryptography;

namespace Hybrid.Faults;

/// <summary>
/// The program's main commands watched for network calls, and run where there is no network at all. .NET itself opens a socket of the file
/// system (AF_UNIX) for its diagnostics, and the C library asks the name service's cache through another; nothing else is allowed.
/// </summary>
internal sealed class OfflineTrial : ITrial
{
    private static readonly string[] Input = ["--dataset", "random-birthdays", "--data", "data"];

    // Every stage once, as small as it goes.
    private static readonly string[][] Commands =
    [
        ["data", "make-birthdays", "--people", "10", "--seed", "1", "--out", "data"],
        ["learn", .. Input, "--out", "taught", "--epochs", "1"],
        ["unlearn", .. Input, "--model", "taught", "--out", "unlearned", "--method", "kunbr", "--blocks", "4", "--selected-blocks", "1", "--rounds", "1", "--epochs", "1"],
        ["attack", .. Input, "--model", "unlearned", "--folds", "1", "--learning-rates", "1e-4", "--epochs", "1"],
        ["evaluate", .. Input, "--model", "unlearned"],
        ["generate", "--model", "unlearned", "--prompt", "When", "--maximum-tokens", "4"],
    ];

    /// <inheritdoc/>
    public string Name => "offline";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Surroundings surroundings)
    {
        string watched = Directory.CreateDirectory(Path.Combine(surroundings.Scratch, "watched")).FullName, cut = Directory.CreateDirectory(Path.Combine(surroundings.Scratch, "cut")).FullName;
        yield return Watched(surroundings, watched);
        yield return CutOff(surroundings, cut, watched);
    }

    private static Finding Watched(Surroundings surroundings, string folder)
    {
        const string What = "commands watched for network calls (strace)";
        if (Run(folder, "strace", "-o", "/dev/null", "true") is { } missing)
        {
            return new Finding(What, 0, $"not tried: {missing}", true);
        }

        List<string> calls = [];
        foreach (string[] command in Commands)
        {
            surroundings.Tell($"watched: {command[0]}");
            string log = Path.Combine(folder, "calls");
            if (Run(folder, "strace", ["-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", log, surroundings.Hybrid, .. command]) is { } failure)
            {
                return new Finding(What, Commands.Length, failure, false);
            }

            calls.AddRange(File.ReadLines(log));
        }

        // A socket is made before anything can be sent through it, so its family decides.
        string[] made = [.. calls.Where(call => call.Contains(" socket(", StringComparison.Ordinal) || call.Contains(" socketpair(", StringComparison.Ordinal))];
        string[] outside = [.. made.Where(call => !call.Contains("(AF_UNIX", StringComparison.Ordinal))];
        return new Finding(What, Commands.Length, outside.Length == 0 ? $"{made.Length} sockets, all of the file system; none of a network" : $"{outside.Length} other sockets, such as: {outside[0]}", outside.Length == 0);
    }

    private static Finding CutOff(Surroundings surroundings, string folder, string watched)
    {
        const string What = "commands where there is no network (unshare --net)";
        if (Run(folder, "unshare", "--net", "true") is { } missing)
        {
            return new Finding(What, 0, $"not tried: {missing}", true);
        }

        foreach (string[] command in Commands)
        {
            surroundings.Tell($"cut off: {command[0]}");
            if (Run(folder, "unshare", ["--net", surroundings.Hybrid, .. command]) is { } failure)
            {
                return new Finding(What, Commands.Length, failure, false);
            }
        }

        bool compared = Directory.Exists(Path.Combine(watched, "unlearned"));
        bool same = !compared || Hash(folder) == Hash(watched);
        return new Finding(What, Commands.Length, !same ? "the unlearned model is another one than with a network" : compared ? "all succeeded, with the same bytes as with a network" : "all succeeded", same);
    }

    private static string Hash(string folder) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "unlearned", "model.safetensors"))));

    /// <summary>Runs a program in a folder; null where it succeeds, else what it said last.</summary>
    private static string? Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"{program} {arguments[^1]}: exit code {process.ExitCode}: {error.Result.Trim().Split('\n')[^1]}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return $"there is no {program}";
        }
    }
}
