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
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024.0;
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    [DllImport("libc", EntryPoint = "mallinfo2")]
    private static extern Allocations AllocationsNow();

    // glibc's struct mallinfo2: ten size_t.
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Allocations(
        nuint Arena, nuint FreeChunks, nuint FastChunks, nuint MappedBlocks, nuint Mapped, nuint Unused, nuint FastBytes, nuint InUse, nuint Free, nuint Trimmable);
}
