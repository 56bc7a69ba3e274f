using System.CommandLine;
using Hybrid.Benchmarks;
using Hybrid.Benchmarks.Interop;
using Hybrid.Benchmarks.Llama;
using Hybrid.Interop;

string[] groups = ["density", "graft", "step", "curves", "reinsertion", "load", "interop"];
var only = new Option<string[]>("--only") { Description = $"which benchmarks: {string.Join(", ", groups)}", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => groups };
only.AcceptOnlyFromAmong(groups);
var sizes = new Option<string[]>("--sizes") { Description = "which sizes: S, T, W, mix; G, L for a GPU; by default those that suit the device", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
sizes.AcceptOnlyFromAmong([.. WorkSize.Cpu.Concat(WorkSize.Gpu).Select(size => size.Name)]);
var deviceName = new Option<string>("--device") { Description = "cpu, or cuda:0, cuda:1, …", DefaultValueFactory = _ => "cpu" };
var types = new Option<ElementType[]>("--types") { Description = "element types of our side", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [ElementType.Float32, ElementType.BFloat16] };
var rounds = new Option<int>("--rounds") { Description = "turns that each side takes", DefaultValueFactory = _ => 5 };
var threads = new Option<int>("--threads") { Description = "threads, ours and the peer's", DefaultValueFactory = _ => Environment.ProcessorCount };
var python = new Option<string>("--python") { Description = "a Python with PyTorch", DefaultValueFactory = _ => "/usr/bin/python3" };
var commandLine = new Option<string>("--hybrid") { Description = "the published command line", DefaultValueFactory = _ => "artifacts/bin/hybrid" };
var markdown = new Option<string?>("--markdown") { Description = "file to write the tables to, as Markdown" };

var root = new RootCommand("Benchmarks of Hybrid's native extension against plain PyTorch, interleaved in one run.") { only, sizes, types, deviceName, rounds, threads, python, commandLine, markdown };
root.SetAction(parsed =>
{
    Runtime.Threads = parsed.GetValue(threads);
    DirectoryInfo folder = Directory.CreateTempSubdirectory("hybrid-benchmarks-");
    try
    {
        Device device = Device.Parse(parsed.GetValue(deviceName)!);
        string[] names = parsed.GetValue(sizes)!;
        WorkSize[] chosen = names.Length > 0
            ? [.. WorkSize.Cpu.Concat(WorkSize.Gpu).Where(size => names.Contains(size.Name))]
            : [.. device == Device.Cpu ? WorkSize.Cpu : WorkSize.Gpu];
        using var suite = new Suite(parsed.GetValue(python)!, parsed.GetValue(rounds), chosen, parsed.GetValue(types)!, device, folder.FullName, text => Console.Error.WriteLine(text));
        suite.Facts.Add(new("library", $"{Runtime.BuildInfo}, {Runtime.Threads} threads"));
        PeakBenchmark.Run(suite);
        var runs = new Dictionary<string, Action>
        {
            ["density"] = () => DensityBenchmark.Run(suite),
            ["graft"] = () => GraftBenchmark.Run(suite),
            ["step"] = () => GradientDifferenceBenchmark.Run(suite),
            ["curves"] = () => LossCurves.Run(suite),
            ["reinsertion"] = () => ReinsertionBenchmark.Run(suite),
            ["interop"] = () => InteropBenchmark.Run(suite, folder.FullName),
            ["load"] = () => StartAndLoadBenchmark.Run(suite, parsed.GetValue(commandLine)!, folder.FullName),
        };
        foreach (string group in groups.Where(group => parsed.GetValue(only)!.Contains(group)))
        {
            runs[group]();
        }

        Report.Print(suite.Results, suite.Facts, suite.NoPeer);
        if (parsed.GetValue(markdown) is { } path)
        {
            File.WriteAllText(path, Report.Markdown(suite.Results, suite.Facts));
        }
    }
    finally
    {
        folder.Delete(recursive: true);
    }
});
root.Add(CallCounter.Make());
root.Add(LlamaCommand.Make());
root.Add(LlamaCommand.MakeWorker());
return root.Parse(args).Invoke();
