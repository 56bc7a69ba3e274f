using System.Diagnostics;
using System.Globalization;
using Hybrid.Interop;

namespace Hybrid.Benchmarks.Llama;

/// <summary>
/// A device's memory as nvidia-smi tells it, in bytes. This is the one place where our side's memory is taken from: the allocator keeps what it once
/// had, so what a process holds after a turn is its peak, its CUDA context included.
/// </summary>
internal static class DeviceMemory
{
    /// <summary>In use by all processes; null where there is no such device.</summary>
    public static long? Used(Device device) => Ask("memory.used", device);

    /// <summary>All there is: of the device, or of the host for the CPU.</summary>
    public static long? Total(Device device) => device == Device.Cpu ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes : Ask("memory.total", device);

    private static long? Ask(string what, Device device)
    {
        if (device == Device.Cpu)
        {
            return null;
        }

        try
        {
            using Process process = Process.Start(new ProcessStartInfo("nvidia-smi", [$"--query-gpu={what}", "--format=csv,noheader,nounits", "-i", device.Code.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })!;
            string answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return long.TryParse(answer.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long mebibytes) ? mebibytes << 20 : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // not installed
        }
    }
}
