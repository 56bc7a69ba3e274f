using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator;

namespace Hybrid.Benchmarks.Llama;

/// <summary>`llama`: the work of unlearning a Llama, of published shapes and with random weights, on one GPU; and `llama-worker`, our side of it.</summary>
internal static class LlamaCommand
{
    private const string WorkerName = "llama-worker";

    /// <summary>The pieces of work, in the order in which they are measured.</summary>
    private static readonly string[] Groups = ["full", "block", "density", "generation"];

    public static Command Make()
    {
        var shape = new Option<string>("--shape") { Description = "llama3-8b, llama3-1b, or small to check the benchmark on a CPU", DefaultValueFactory = _ => "llama3-8b" };
        shape.AcceptOnlyFromAmong([.. LlamaShape.All.Select(known => known.Name)]);
        var only = new Option<string[]>("--only") { Description = $"which work: {string.Join(", ", Groups)}", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => Groups };
        only.AcceptOnlyFromAmong(Groups);
        var device = new Option<string>("--device") { Description = "cpu, or cuda:0, cuda:1, …", DefaultValueFactory = _ => "cuda:0" };
        var type = new Option<ElementType>("--dtype") { Description = "bfloat16 or float32, of weights on both sides", DefaultValueFactory = _ => ElementType.BFloat16 };
        var rounds = new Option<int>("--rounds") { Description = "turns that each side takes", DefaultValueFactory = _ => 5 };
        var threads = new Option<int>("--threads") { Description = "CPU threads, ours and the peer's", DefaultValueFactory = _ => Environment.ProcessorCount };
        var limit = new Option<double>("--limit-seconds") { Description = "begin no further work after so many seconds", DefaultValueFactory = _ => double.PositiveInfinity };
        var memory = new Option<double?>("--memory-gib") { Description = "the device's memory; by default all of it" };
        var python = new Option<string>("--python") { Description = "a Python with PyTorch", DefaultValueFactory = _ => "/usr/bin/python3" };
        var markdown = new Option<string?>("--markdown") { Description = "file to write the tables to, as Markdown" };
        var command = new Command("llama", "Training, density and generation of Llama-3 shapes with random weights, against PyTorch on the same device in the same run, and estimates of a KUnBR run and its RTT attack.")
        {
            shape, only, device, type, rounds, threads, limit, memory, python, markdown,
        };
        command.SetAction(parsed =>
        {
            DirectoryInfo folder = Directory.CreateTempSubdirectory("hybrid-llama-");
            try
            {
                Device chosen = Device.Parse(parsed.GetValue(device)!);
                using LlamaBench bench = Bench(parsed.GetValue(shape)!, parsed.GetValue(type), chosen, folder.FullName, parsed.GetValue(rounds), parsed.GetValue(threads), parsed.GetValue(limit), parsed.GetValue(memory), parsed.GetValue(python)!);
                Run(bench, parsed.GetValue(only)!);
                string noPeer = bench.Theirs is null ? $"{parsed.GetValue(python)}: {bench.PeerVersions["problem"]}" : "";
                Report.Print(bench.Results, bench.Facts, noPeer);
                if (parsed.GetValue(markdown) is { } path)
                {
                    File.WriteAllText(path, Report.Markdown(bench.Results, bench.Facts));
                }

                foreach (string failure in bench.Failures)
                {
                    Console.Error.WriteLine($"FAILED {failure}");
                }

                return bench.Failures.Count == 0 ? 0 : 1;
            }
            catch (Exception error) when (error is HybridException or LlamaSideException)
            {
                Console.Error.WriteLine(error.Message);
                return 2;
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        });
        return command;
    }

    public static Command MakeWorker()
    {
        var device = new Option<string>("--device") { Required = true };
        var threads = new Option<int>("--threads") { Required = true };
        var command = new Command(WorkerName, "Our side of llama; answers JSON on standard input.") { device, threads };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            Runtime.Threads = parsed.GetValue(threads);
            using var worker = new LlamaWorker(Device.Parse(parsed.GetValue(device)!));
            worker.Serve(Console.In, Console.Out);
        });
        return command;
    }

    private static LlamaBench Bench(string shapeName, ElementType type, Device device, string folder, int rounds, int threads, double limit, double? gibibytes, string python)
    {
        if (type is not (ElementType.BFloat16 or ElementType.Float32) || rounds < 1 || threads < 1 || gibibytes is <= 0 or double.NaN || !(limit > 0))
        {
            throw new HybridException(ErrorKind.Config, $"--dtype {type}, --rounds {rounds}, --threads {threads}, --memory-gib {gibibytes}, --limit-seconds {limit}: expected bfloat16 or float32, and positive numbers");
        }

        LlamaShape shape = LlamaShape.All.Single(known => known.Name == shapeName);
        LlamaWork work = LlamaWork.Make(shape, LlamaCases.LargestBatch);
        work.Save(folder);
        string count = threads.ToString(CultureInfo.InvariantCulture);
        var environment = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = count };
        string program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        JsonProcess StartOurs() => Start(program, [.. self, WorkerName, "--device", device.ToString(), "--threads", count]);
        JsonProcess StartPeer() => Start(python, [Path.Combine(AppContext.BaseDirectory, "peer_llama.py"), device.ToString(), count]);
        JsonProcess Start(string file, string[] arguments) => JsonProcess.TryStart(file, arguments, environment, out _, out string why) ?? throw new InvalidOperationException(why);

        // The device's memory is asked for in a process that ends: a context on it would take some of it.
        (JsonProcess.TryStart(program, [.. self, WorkerName, "--device", device.ToString(), "--threads", count], environment, out JsonObject own, out string problem)
            ?? throw new HybridException(ErrorKind.Config, $"--device {device}: {problem}")).Dispose();

        JsonObject versions;
        string missing;
        using (JsonProcess? tried = JsonProcess.TryStart(python, [Path.Combine(AppContext.BaseDirectory, "peer_llama.py"), device.ToString(), count], environment, out versions, out missing))
        {
            versions = tried is null ? new JsonObject { ["problem"] = missing } : versions;
        }

        return new LlamaBench
        {
            Shape = shape,
            Type = type,
            Device = device,
            Folder = folder,
            Rounds = rounds,
            LimitSeconds = limit,
            Work = work,
            Memory = new LlamaMemory(shape.Config, type, device, gibibytes * Math.Pow(2, 30) ?? own["device_bytes"]!.GetValue<long>()),
            Ours = new LlamaSide("ours", StartOurs),
            Theirs = missing.Length == 0 ? new LlamaSide("PyTorch", StartPeer) : null,
            PeerVersions = versions,
            Say = text => Console.Error.WriteLine(text),
        };
    }

    private static void Run(LlamaBench bench, string[] only)
    {
        bench.Facts.Add(new("work", $"{bench.Shape.Name}, random weights, {bench.Type}, on {bench.Device}; lengths of wmdp-deduped; one batch over and over"));
        bench.Facts.Add(new("library", Runtime.BuildInfo));
        bench.Facts.Add(new("PyTorch", bench.Theirs is null ? $"none: {bench.PeerVersions["problem"]}" : $"{bench.PeerVersions["torch"]}, {(bench.PeerVersions["fused_attention"]!.GetValue<bool>() ? "fused attention" : "plain attention, since it has no fused one")}"));
        var parts = new LlamaParts();
        var cases = new LlamaCases(bench, parts);
        var runs = new Dictionary<string, Action> { ["full"] = cases.FullStep, ["block"] = cases.BlockStep, ["density"] = cases.Density, ["generation"] = cases.Generation };
        cases.Rates();
        foreach (string group in Groups.Where(only.Contains))
        {
            try
            {
                runs[group]();
            }
            catch (LlamaSideException error)
            {
                bench.Failures.Add($"{group}: {error.Message}"); // the others may work all the same
                bench.Say(bench.Failures[^1]);
                bench.EndSides();
            }
        }

        cases.Plan();
        foreach (Fact estimate in parts.Estimates(bench.Shape.Config.Layers, bench.HasGoals))
        {
            bench.Facts.Add(estimate);
        }
    }
}
