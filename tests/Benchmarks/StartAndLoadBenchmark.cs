using System.Diagnostics;
using Hybrid.Interop;

namespace Hybrid.Benchmarks;

/// <summary>How long the command line takes to answer, and how fast weights come in.</summary>
internal static class StartAndLoadBenchmark
{
    private const int Tensors = 16, Elements = 16 << 20; // 1 GiB of float32

    public static void Run(Suite suite, string commandLine, string folder)
    {
        if (File.Exists(commandLine))
        {
            double[] seconds = [.. Enumerable.Range(0, 11).Select(_ => Interleaved.Time(() => Help(commandLine)))];
            suite.Facts.Add(new("hybrid --help, median of 10 (goal: under 150 ms)", $"{1000 * Interleaved.Median(seconds.Skip(1)):0} ms"));
        }

        string path = Path.Combine(folder, "load.safetensors");
        using (TensorScope scope = TensorScope.Begin())
        {
            Tensor values = Tensor.Zeros([Elements], ElementType.Float32, Device.Cpu);
            SafetensorsFile.Write(path, [.. Enumerable.Range(0, Tensors).Select(i => new KeyValuePair<string, Tensor>($"tensor{i}", values))], []);
        }

        double gigabytes = 4.0 * Tensors * Elements / 1e9;
        var load = Interleaved.Run(() => Interleaved.Time(() => Load(path)), () => Interleaved.Time(() => ReadFile(path)), suite.Rounds);
        suite.Add(new Result("load of a 1 GiB safetensors file from the page cache", "", "Float32", "read() into fresh buffers, 1 thread", load));
        suite.Facts.Add(new("safetensors load from the page cache", $"{gigabytes / load.OurMedian:0.0} GB/s; read() alone {gigabytes / load.TheirMedian:0.0} GB/s"));
        File.Delete(path);
    }

    private static void Help(string commandLine)
    {
        using Process process = Process.Start(new ProcessStartInfo(commandLine, ["--help"]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
    }

    private static void Load(string path)
    {
        using TensorScope scope = TensorScope.Begin();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (string name in file.Names)
        {
            file.Read(name, ElementType.Float32, Device.Cpu);
        }
    }

    /// <summary>What must be done at least: the bytes, copied by the system into memory that was not there before.</summary>
    private static void ReadFile(string path)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path);
        byte[][] buffers = [.. Enumerable.Range(0, Tensors).Select(_ => GC.AllocateUninitializedArray<byte>(4 * Elements))];
        for (int i = 0; i < Tensors; i++)
        {
            RandomAccess.Read(file, buffers[i], 4L * Elements * i);
        }
    }
}
