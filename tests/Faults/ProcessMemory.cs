using System.Globalization;
using System.Runtime.InteropServices;

namespace Hybrid.Faults;

/// <summary>What this process holds, after .NET has let go of what it need not hold.</summary>
internal static class ProcessMemory
{
    /// <summary>MiB that the C library's allocator has given out and not got back: LibTorch's tensors among them; .NET's own heap does not come from there.</summary>
    public static double AllocatedMib()
    {
        Collect();
        Allocations now = AllocationsNow();
        return (now.InUse + now.Mapped) / 1048576.0;
    }

    /// <summary>MiB of the process that are in memory.</summary>
    public static double ResidentMib()
    {
        Collect();
        return Status("VmRSS:") / 1024.0;
    }

    /// <summary>The same once the C library's allocator has given back what it keeps for later: it keeps a heap for each thread that ever allocated beside others, at the fullest that it was.</summary>
    public static double TrimmedResidentMib()
    {
        Collect();
        _ = Trim(0);
        return ResidentMib();
    }

    /// <summary>Threads of the process.</summary>
    public static int Threads() => (int)Status("Threads:");

    private static long Status(string name)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int Trim(nuint kept);

    [DllImport("libc", EntryPoint = "mallinfo2")]
    private static extern Allocations AllocationsNow();

    // glibc's struct mallinfo2: ten size_t.
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Allocations(
        nuint Arena, nuint FreeChunks, nuint FastChunks, nuint MappedBlocks, nuint Mapped, nuint Unused, nuint FastBytes, nuint InUse, nuint Free, nuint Trimmable);
}
