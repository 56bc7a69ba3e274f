using System.Text.Json;

namespace Hybrid.Faults.DuringRuns;

/// <summary>Files that a crash of the machine cut off: the run goes on, or names the file and what to do, and that works.</summary>
internal static class CutFiles
{
    private const int ModelFile = 10, Tokenizer = 12, Config = 17, Io = 19;

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string run = world.PathOf("cut-run"), record = Path.Combine(run, "run.json"), metrics = Path.Combine(run, "metrics.jsonl");
        Ended again() => world.Run(world.Experiment(run));
        yield return new Inspection("no fault: an experiment to damage").Succeeds(again()).Finding;

        SmallWorld.Cut(record);
        yield return new Inspection("run.json cut in the middle").Succeeds(again()).Finding;

        SmallWorld.Cut(record, 0);
        var emptied = new Inspection("run.json emptied").Fails(again(), Io, record, "write {\"command\": \"run small\"} into it");
        File.WriteAllText(record, "{\"command\": \"run small\"}");
        yield return emptied.Succeeds(again()).Finding;

        SmallWorld.Cut(metrics, 0.6);
        string job = Directory.GetFiles(Path.Combine(run, "jobs"), "rtt-*.json", SearchOption.AllDirectories)[0];
        File.Delete(job);
        var lines = new Inspection("metrics.jsonl cut in the middle of a line").Succeeds(again());
        yield return lines.Require(File.ReadAllLines(metrics).All(IsJson), "a line of metrics.jsonl is no JSON").Finding;

        SmallWorld.Cut(job);
        var cut = new Inspection("a job's file cut in the middle").Fails(again(), Config, job, "delete the file to run the job again");
        File.Delete(job);
        yield return cut.Succeeds(again()).Finding;

        SmallWorld.Cut(Path.Combine(run, "results.json"));
        var results = new Inspection("results.json cut in the middle").Fails(world.Run(["report", run]), Config, "results.json", "`hybrid run` writes them again");
        yield return results.Succeeds(again()).Succeeds(world.Run(["report", run])).Finding;

        foreach ((string name, int code) in new[] { ("config.json", ModelFile), ("tokenizer.json", Tokenizer), ("model.safetensors", ModelFile) })
        {
            string model = SmallWorld.Copy(world.Model, world.PathOf("cut-model"));
            SmallWorld.Cut(Path.Combine(model, name));
            yield return new Inspection($"a model's {name} cut in the middle").Fails(world.Run(world.UnlearnOf(model, world.PathOf("none"))), code, Path.Combine(model, name)).Finding;
            Directory.Delete(model, recursive: true);
        }
    }

    private static bool IsJson(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
