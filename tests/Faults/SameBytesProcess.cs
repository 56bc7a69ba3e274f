using System.Diagnostics;
using System.Globalization;

namespace Hybrid.Faults;

/// <summary>
/// <see cref="SameBytes"/> in a process of its own, where texts hash and memory lies otherwise than in any other: this program started again with
/// <c>digests SEED ORDER COUNT</c>, which prints a line <c>CASE DIGEST</c> for every case.
/// </summary>
internal static class SameBytesProcess
{
    /// <summary>The first argument that tells the program to be one.</summary>
    public const string Argument = "digests";

    private const string Both = "both-ways";
    private const string Backward = "backward";

    /// <summary>Is one.</summary>
    public static int Print(ReadOnlySpan<string> arguments)
    {
        var work = new SameBytes(ulong.Parse(arguments[0], CultureInfo.InvariantCulture));
        SameBytesCase[] cases = [.. SameBytes.All.Take(int.Parse(arguments[2], CultureInfo.InvariantCulture))];
        foreach (SameBytesCase one in arguments[1] == Both ? cases.Concat(cases.Reverse()) : cases.Reverse())
        {
            Console.WriteLine($"{one.Name} {work.Digest(one)}");
        }

        return 0;
    }

    /// <summary>The digests of the first so many cases, each done twice in one process, the second time in the opposite order.</summary>
    public static ILookup<string, string> Twice(ulong seed, int count) => Run(seed, Both, count);

    /// <summary>Each done once, from the last to the first.</summary>
    public static ILookup<string, string> Once(ulong seed, int count) => Run(seed, Backward, count);

    private static ILookup<string, string> Run(ulong seed, string order, int count)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Argument, seed.ToString(CultureInfo.InvariantCulture), order, count.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        return process.ExitCode == 0
            ? lines.Select(line => line.Split(' ')).ToLookup(parts => parts[0], parts => parts[1])
            : throw new InvalidOperationException($"the process for digests ended with code {process.ExitCode}");
    }
}
