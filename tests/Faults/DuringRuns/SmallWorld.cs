namespace Hybrid.Faults.DuringRuns;

/// <summary>Data, models and an experiment so small that a command takes a second or two.</summary>
internal sealed class SmallWorld
{
    /// <summary>Makes them by command.</summary>
    /// <exception cref="InvalidOperationException">A command fails without any fault.</exception>
    public SmallWorld(Surroundings surroundings)
    {
        Surroundings = surroundings;
        if (!OperatingSystem.IsWindows())
        {
            // Another user reads it later on.
            File.SetUnixFileMode(surroundings.Scratch, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        Good("data", "make-birthdays", "--out", Data, "--people", "5");
        Good(["learn", .. DataOptions, "--epochs", "1", "--threads", "1", "--out", Model]);
        File.WriteAllText(ExperimentFile, $$"""
            name: small
            title: A small experiment
            model: { folder: {{Model}} }
            dataset: { name: random-birthdays, data: {{Data}} }
            seeds: [1]
            device: cpu
            dtype: float32
            jobs: 1
            threads: 1
            forget-by-pass: false
            equal-steps: true
            methods:
              - { label: GD, preset: tiny, method: gd, gd: { epochs: 1 } }
            attacks:
              rtt: { preset: tiny, folds: [1], epochs: 1, learning-rates: [1e-4] }
            utility: { retain-text-nll: false }
            """);
    }

    public Surroundings Surroundings { get; }

    public string Data => PathOf("data");

    public string Model => PathOf("model");

    public string ExperimentFile => PathOf("small.yaml");

    public string[] DataOptions => ["--dataset", "random-birthdays", "--data", Data];

    /// <summary>The path of something in the trial's folder.</summary>
    public string PathOf(string name) => Path.Combine(Surroundings.Scratch, name);

    /// <summary>A folder of its own in the trial's.</summary>
    public string Fresh(string name) => Directory.CreateDirectory(PathOf(name)).FullName;

    /// <summary>An unlearn command on the small model.</summary>
    public string[] Unlearn(string output, params string[] more) => UnlearnOf(Model, output, more);

    /// <summary>An unlearn command on a model.</summary>
    public string[] UnlearnOf(string model, string output, params string[] more) =>
    [
        "unlearn", "--model", model, .. DataOptions, .. more.Contains("--config") ? Array.Empty<string>() : ["--preset", "tiny", "--method", "gd"], .. more.Contains("--epochs") ? Array.Empty<string>() : ["--epochs", "1"],
        "--threads", "1", "--out", output, .. more,
    ];

    /// <summary>The experiment's command.</summary>
    public string[] Experiment(string output) => ["run", ExperimentFile, "--out", output];

    /// <summary>Runs a command line to its end.</summary>
    public Ended Run(string[] arguments, string[]? through = null, params (string Name, string Value)[] environment) => HybridProcess.Run(Surroundings, arguments, through, environment);

    /// <summary>A copy of a folder.</summary>
    public static string Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return to;
    }

    /// <summary>Cuts a file off in its middle, as a crash of the machine may.</summary>
    public static void Cut(string file, double share = 0.5)
    {
        using FileStream stream = File.OpenWrite(file);
        stream.SetLength((long)(stream.Length * share));
    }

    private void Good(params string[] arguments)
    {
        Ended run = Run(arguments);
        if (run.Code != 0)
        {
            throw new InvalidOperationException($"hybrid {string.Join(' ', arguments)}: code {run.Code}: {run.Error}");
        }
    }
}
