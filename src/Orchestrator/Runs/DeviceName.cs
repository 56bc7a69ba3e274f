using Hybrid.Interop;

namespace Hybrid.Orchestrator.Runs;

/// <summary>Devices as configurations and the command line name them: <c>cpu</c>, <c>cuda</c> (the first) or <c>cuda:N</c>.</summary>
internal static class DeviceName
{
    /// <summary>The device of a name, which need not be here.</summary>
    /// <param name="text">The name.</param>
    /// <param name="source">Where it stands, for errors.</param>
    /// <exception cref="HybridException">Config: not a device.</exception>
    public static Device Read(string text, string source)
    {
        try
        {
            return Device.Parse(text);
        }
        catch (FormatException error)
        {
            throw new HybridException(ErrorKind.Config, $"{source}: {error.Message}", error);
        }
    }

    /// <summary>What is wrong with a name, one line; null for a device's.</summary>
    public static string? ProblemOf(string text)
    {
        try
        {
            _ = Device.Parse(text);
            return null;
        }
        catch (FormatException error)
        {
            return error.Message;
        }
    }

    /// <summary>The same of a device that can be used here.</summary>
    /// <exception cref="HybridException">Config: not a device.</exception>
    /// <exception cref="NativeException">Device: it is not here, or the native library was built without CUDA.</exception>
    public static Device Require(string text, string source)
    {
        Device device = Read(text, source);
        return device.Code < Runtime.CudaDevices
            ? device
            : throw new NativeException(NativeStatus.Device, $"{source} {text}: {Runtime.CudaDevices} CUDA devices can be used here ({Runtime.BuildInfo})");
    }
}
