using System.Globalization;
using System.Text.Json.Nodes;

namespace Hybrid.Faults.DuringRuns;

/// <summary>Too little memory on the host, found out where it is asked for and not before: a limit on the address space, which no plan looks at.</summary>
internal static class ShortMemory
{
    private const int OutOfMemory = 21;

    /// <summary>.NET reserves address space for a heap as large as the machine unless it is told not to.</summary>
    private static readonly (string, string) SmallHeap = ("DOTNET_GCHeapHardLimit", "0x8000000");

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        string shape = world.PathOf("shape.json"), model = world.PathOf("large-model");
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(world.Model, "config.json")))!;
        config["hidden_size"] = 512;
        config["intermediate_size"] = 2048;
        File.WriteAllText(shape, config.ToJsonString());
        Ended made = world.Run(["learn", "--shape", shape, "--tokenizer", world.Model, "--untaught", .. world.DataOptions, "--out", model]);
        yield return new Inspection("no fault: a larger model is made").Succeeds(made).Finding;

        // What the programs and libraries take themselves: short of that, .NET and the system's loader end the process in their own ways.
        long bare = 2_200_000_000;
        while (bare < 8_000_000_000 && world.Run(["inspect", world.Model], Limit(bare), SmallHeap).Code != 0)
        {
            bare += 100_000_000;
        }

        int outOfMemory = 0;
        var inspection = new Inspection(string.Create(CultureInfo.InvariantCulture, $"too little memory (RLIMIT_AS, {bare / 1e9:F1} GB being what the program itself takes, and 0.15 to 0.6 GB more): unlearn"));
        string folder = world.Fresh("short");
        for (int i = 0; i < world.Surroundings.Times(4); i++)
        {
            Ended run = world.Run(world.UnlearnOf(model, Path.Combine(folder, "out")), Limit(bare + ((i + 1) * 150_000_000L)), SmallHeap);
            inspection.SucceedsOrFails(run, OutOfMemory);
            if (run.Code == OutOfMemory)
            {
                outOfMemory++;
                inspection.Require(run.Error.Contains("smaller batch size", StringComparison.Ordinal), $"no advice: {run.Error}");
            }

            if (run.Code != 0)
            {
                inspection.Require(Directory.GetFileSystemEntries(folder).Length == 0, "something is left");
            }
            else
            {
                Directory.Delete(Path.Combine(folder, "out"), recursive: true);
            }
        }

        Finding finding = inspection.Require(outOfMemory > 0, "no limit was short of memory").Finding;
        yield return finding with { Outcome = $"{outOfMemory} refused; {finding.Outcome}" };
        Directory.Delete(model, recursive: true);
    }

    private static string[] Limit(long bytes) => ["prlimit", string.Create(CultureInfo.InvariantCulture, $"--as={bytes}")];
}
