namespace Hybrid.Faults.DuringRuns;

/// <summary>A disk that is full, or a limit on files' sizes, wherever something is written.</summary>
internal static class FullDisk
{
    private const string Said = "no space is left there; free some";
    private const int Io = 19;

    public static IEnumerable<Finding> Run(SmallWorld world)
    {
        using SmallDisk? disk = SmallDisk.TryMount(world.PathOf("disk"), 1 << 20);
        return [.. disk is null ? [new Finding("disk full", 0, "not tried: this user may not mount a tmpfs; a limit on files' sizes is", true)] : OnDisk(world, disk), .. WithLimit(world)];
    }

    private static IEnumerable<Finding> OnDisk(SmallWorld world, SmallDisk disk)
    {
        string At(string name) => Path.Combine(disk.Folder, name);
        foreach ((string what, string[] line) in new[]
        {
            ("learn saves its model", (string[])["learn", .. world.DataOptions, "--epochs", "1", "--out", At("out")]),
            ("unlearn saves its model", world.Unlearn(At("out"))),
        })
        {
            var before = Inspection.FilesOf(disk.Folder);
            yield return new Inspection($"disk full (tmpfs): {what}").Fails(world.Run(line), Io, At("out"), "the model will need", Said).Unchanged(before, disk.Folder).Finding;
        }

        disk.Resize(64 << 20);
        string model = SmallWorld.Copy(world.Model, At("model"));
        disk.Fill();
        yield return Kept("an old model is to be overwritten", world.Unlearn(model, "--overwrite"));
        yield return Kept("results are written to --json", world.Unlearn(world.PathOf("unlearned"), "--json", At("results.json")));
        yield return Kept("events are written", world.Unlearn(world.PathOf("unlearned-2"), "--events", At("events")));
        yield return Kept("an attack's job is kept", ["attack", "--model", world.Model, .. world.DataOptions, "--folds", "1", "--epochs", "1", "--learning-rates", "1e-4", "--out", At("curves")]);
        yield return Kept("an experiment begins", world.Experiment(At("run")));
        yield return Kept("frozen layers' outputs go to a temporary file", world.Unlearn(world.PathOf("unlearned-3"), "--config", SpillConfig(world)), "TMPDIR", ("TMPDIR", disk.Folder));
        File.Delete(At("filler"));

        Ended whole = world.Run(world.Experiment(world.PathOf("whole-run")));
        yield return new Inspection("no fault: the experiment runs").Succeeds(whole).Finding;
        File.Copy(Path.Combine(world.PathOf("whole-run"), "results.json"), At("results.json"));
        disk.Fill();
        yield return Kept("a report is written", ["report", world.PathOf("whole-run"), "--out", At("report")]);
        File.Delete(At("filler"));
        yield return Experiments(world, disk);

        Finding Kept(string what, string[] line, string more = Said, params (string, string)[] environment)
        {
            var before = Inspection.FilesOf(disk.Folder);
            Ended run = world.Run(line, null, environment);
            // Folders may be made where files then cannot be.
            IReadOnlyDictionary<string, string> after = Inspection.FilesOf(disk.Folder);
            return new Inspection($"disk full (tmpfs): {what}").Fails(run, Io, Said, more, disk.Folder)
                .Require(before.All(file => after.GetValueOrDefault(file.Key) == file.Value), "a file that was there is changed or lost")
                .Require(after.Where(file => !before.ContainsKey(file.Key)).All(file => file.Value == "folder"), "a file is left half-written").Finding;
        }
    }

    /// <summary>The experiment on disks of growing size: what is done is kept, and with room it goes on to its end.</summary>
    private static Finding Experiments(SmallWorld world, SmallDisk disk)
    {
        var inspection = new Inspection("disk full (tmpfs): an experiment at many places, then room and the same command");
        int failures = 0;
        for (int i = 0; i < world.Surroundings.Times(3); i++)
        {
            foreach (string entry in Directory.GetFileSystemEntries(disk.Folder))
            {
                (Directory.Exists(entry) ? (Action)(() => Directory.Delete(entry, recursive: true)) : () => File.Delete(entry))();
            }

            string run = Path.Combine(disk.Folder, "run");
            disk.Resize(16 << 20);
            // The model's files are about 1.7 MB: too little for it, and then for what comes after it.
            disk.Resize(new[] { 20, 1720, 1760 }[i % 3] * 1024L);
            Ended full = world.Run(world.Experiment(run));
            inspection.SucceedsOrFails(full, Io);
            failures += full.Code == 0 ? 0 : 1;
            string jobs = Path.Combine(run, "jobs");
            var kept = Directory.Exists(jobs) ? Inspection.FilesOf(jobs) : new Dictionary<string, string>();
            inspection.Require(kept.Keys.All(name => !name.Contains(".tmp", StringComparison.Ordinal)), "a job's file is half-written");
            disk.Resize(64 << 20);
            inspection.Succeeds(world.Run(world.Experiment(run)));
            var after = Inspection.FilesOf(jobs);
            inspection.Require(kept.All(file => after[file.Key] == file.Value), "a finished job was lost or done again");
        }

        return inspection.Require(failures > 0, "no disk was too small").Finding;
    }

    private static IEnumerable<Finding> WithLimit(SmallWorld world)
    {
        // The runtime's own memory files are larger than the limit unless it is told to do without.
        (string, string) noMemoryFiles = ("DOTNET_EnableWriteXorExecute", "0");
        string old = SmallWorld.Copy(world.Model, world.PathOf("limited/out"));
        var before = Inspection.FilesOf(world.PathOf("limited"));
        yield return new Inspection("file limit (RLIMIT_FSIZE 200 kB): unlearn overwrites a model")
            .Fails(world.Run(world.Unlearn(old, "--overwrite"), ["prlimit", "--fsize=200000"], noMemoryFiles), Io, old, "files may not grow that large")
            .Unchanged(before, world.PathOf("limited")).Finding;
        yield return new Inspection("file limit (RLIMIT_FSIZE 300 bytes): results are written to --json")
            .Fails(world.Run(["inspect", world.Model, "--json", world.PathOf("limited/x.json")], ["prlimit", "--fsize=300"], noMemoryFiles), Io, "x.json", "files may not grow that large")
            .Unchanged(before, world.PathOf("limited")).Finding;
    }

    private static string SpillConfig(SmallWorld world)
    {
        string path = world.PathOf("spill.yaml");
        File.WriteAllText(path, "preset: tiny\nmethod: kunbr\nkunbr: { selected-blocks: 1, strategy: head, ignore-head-layers: 0, prefix-memory-bytes: 0, pre-unlearning: { epochs: 1 } }\n");
        return path;
    }
}
