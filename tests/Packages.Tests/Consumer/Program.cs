using System.Text.Json;
using Hybrid.Interop;
using Hybrid.Orchestrator.Experiments;

// Consumer [LIBTORCH_FOLDER]
try
{
    if (args is [var folder])
    {
        Runtime.UseLibTorch(folder);
    }

    using Tensor tensor = Tensor.From<float>([1.5f, -2f, 4f]);
    ExperimentSettings settings = ExperimentYaml.Demo(["seeds=[5, 7]"]);
    string[] libraries = [.. File.ReadLines("/proc/self/maps").Where(line => line.EndsWith("/libhybrid.so", StringComparison.Ordinal)).Select(line => line[line.IndexOf('/')..]).Distinct()];
    Console.WriteLine(JsonSerializer.Serialize(new { libraries, shape = tensor.Shape.ToArray(), values = tensor.ToArray<float>(), settings.Name, settings.Seeds }));
    return 0;
}
catch (DllNotFoundException error)
{
    Console.Error.WriteLine(error.Message);
    return 20;
}
