using System.Text.Json;

namespace Hybrid.Faults.DuringRuns;

/// <summary>Inputs that are cut off, taken away or replaced while a command uses them.</summary>
internal static class TouchedInputs
{
    private const int ModelFile = 10, Tokenizer = 12, DataFile = 13, Io = 19;

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        yield return CutAtAnyTime(world);
        yield return AfterLoading(world, "the model's folder is deleted", (model, _) => Directory.Delete(model, recursive: true), changedKnown: false);
        yield return AfterLoading(world, "the weights are cut off", (model, _) => SmallWorld.Cut(Path.Combine(model, "model.safetensors")), changedKnown: false);
        yield return AfterLoading(world, "tokenizer and data are deleted", (model, data) =>
        {
            File.Delete(Path.Combine(model, "tokenizer.json"));
            Directory.Delete(data, recursive: true);
        }, changedKnown: true);
        yield return ModelOfAnExperiment(world);
    }

    /// <summary>Weights, tokenizer or a data file cut off at any time: the result of whole inputs or one line, and no signal.</summary>
    private static Finding CutAtAnyTime(SmallWorld world)
    {
        var random = new Random((int)world.Surroundings.Seed);
        var inspection = new Inspection("weights, tokenizer or data cut off 0 to 1 s after the start");
        for (int i = 0; i < world.Surroundings.Times(6); i++)
        {
            string folder = world.PathOf($"cut-{i}"), model = SmallWorld.Copy(world.Model, Path.Combine(folder, "model")), data = SmallWorld.Copy(world.Data, Path.Combine(folder, "data"));
            string[] line = world.UnlearnOf(model, Path.Combine(folder, "out"));
            line[Array.IndexOf(line, "--data") + 1] = data;
            using var run = new HybridProcess(world.Surroundings, line);
            Thread.Sleep(random.Next(1000));
            SmallWorld.Cut(new[] { Path.Combine(model, "model.safetensors"), Path.Combine(model, "tokenizer.json"), Path.Combine(data, "random_bd", "split_0.jsonl") }[i % 3], random.NextDouble());
            Ended ended = run.End();
            inspection.SucceedsOrFails(ended, ModelFile, Tokenizer, DataFile, Io).Require(ended.Code == 0 == Directory.Exists(Path.Combine(folder, "out")), "there is a model without success, or success without a model");
            Directory.Delete(folder, recursive: true);
        }

        return inspection.Finding;
    }

    /// <summary>What is done after everything is read changes nothing but what the command can say about its source.</summary>
    private static Finding AfterLoading(SmallWorld world, string what, Action<string, string> fault, bool changedKnown)
    {
        string folder = world.PathOf("loaded"), model = SmallWorld.Copy(world.Model, Path.Combine(folder, "model")), data = SmallWorld.Copy(world.Data, Path.Combine(folder, "data"));
        string output = Path.Combine(folder, "out"), json = Path.Combine(folder, "out.json");
        string[] line = world.UnlearnOf(model, output, "--epochs", "20", "--json", json);
        line[Array.IndexOf(line, "--data") + 1] = data;
        var inspection = new Inspection($"after loading, {what}");
        using var run = new HybridProcess(world.Surroundings, line);
        inspection.Require(run.WaitUntil(() => Directory.GetFiles(folder, ".out.partial-*-room").Length > 0), "the run never took its room on the disk");
        fault(model, data);
        inspection.Succeeds(run.End(), changedKnown ? string.Empty : "it is not known how many parameters changed");
        if (File.Exists(json))
        {
            using JsonDocument result = JsonDocument.Parse(File.ReadAllBytes(json));
            inspection.Require(result.RootElement.GetProperty("shareChanged").ValueKind == (changedKnown ? JsonValueKind.Number : JsonValueKind.Null), "shareChanged is wrong");
            inspection.Require(world.Run(["inspect", output]).Code == 0, "the model cannot be read");
        }

        Directory.Delete(folder, recursive: true);
        return inspection.Finding;
    }

    /// <summary>A model that an experiment made, damaged between two of its runs: the error says how to have it made anew, and that works.</summary>
    private static Finding ModelOfAnExperiment(SmallWorld world)
    {
        string run = world.PathOf("damaged-run"), model = Path.Combine(run, "models", "seed1", "gd"), jobs = Path.Combine(run, "jobs", "seed1", "gd");
        var inspection = new Inspection("an experiment's own model and job are damaged, then mended as the errors say");
        inspection.Succeeds(world.Run(world.Experiment(run)));
        SmallWorld.Cut(Path.Combine(model, "model.safetensors"));
        string[] attacks = Directory.GetFiles(jobs, "rtt-*.json");
        File.Delete(attacks[0]);
        inspection.Fails(world.Run(world.Experiment(run)), ModelFile, model, "delete its folder and run again");
        Directory.Delete(model, recursive: true);
        inspection.Succeeds(world.Run(world.Experiment(run)));
        return inspection.Require(File.Exists(attacks[0]), "the attack was not done again").Finding;
    }
}
