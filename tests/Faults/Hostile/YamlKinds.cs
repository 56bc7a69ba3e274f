using System.Text;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Runs;

namespace Hybrid.Faults.Hostile;

/// <summary>Settings of a run, experiments, and the <c>dataset.yaml</c> of a user's own folder.</summary>
internal static class YamlKinds
{
    private const string Settings = """
        method: gd
        forget-form: letter-answer
        retain-form: corpus
        maximum-tokens: 512
        gd:   # a comment
          retain-coefficient: 2
          epochs: 12
          batch-size: 16
          optimizer: { kind: lion, learning-rate: 3e-4, warmup-steps: 4, weight-decay: 0 }

        """;

    private const string Preset = "preset: tiny\nmethod: kunbr\nkunbr: { strategy: \"head\", selected-blocks: 4 }\n";

    private const string Experiment = """
        name: small
        title: "A title: of \u00e9"
        model: { teach: tiny }
        dataset: { name: random-birthdays, people: 157 }
        seeds: [1]
        device: cpu
        dtype: float32
        jobs: 2
        threads: 1
        forget-by-pass: true
        equal-steps: false
        methods:
          - { label: GD, preset: tiny, method: gd, grid: { retain-coefficient: [2, 4] } }
        selection: { allowed-retain-loss: 0.05, tuning-folds: [0, 1] }
        attacks:
          rtt: { preset: tiny, folds: [2, 3, 4] }
        utility: { retain-text-nll: false }

        """;

    private const string Dataset = """
        name: mine
        forget-questions: [a.jsonl, 'b.jsonl']
        forget-text:
          - text.jsonl
          - sub/more.txt
        retain-questions: [retain.jsonl]
        dev-questions: ["dev.jsonl"]

        """;

    public static IReadOnlyList<ReaderKind> All { get; } =
    [
        new()
        {
            Name = "settings-yaml",
            File = "settings.yaml",
            Samples = [Encoding.UTF8.GetBytes(Settings), Encoding.UTF8.GetBytes(Preset)],
            Read = path => SettingsYaml.Parse(path, SettingsYaml.Write(SettingsYaml.Load(path))),
        },
        new()
        {
            Name = "experiment-yaml",
            File = "experiment.yaml",
            Samples = [Encoding.UTF8.GetBytes(Experiment)],
            Read = path => ExperimentYaml.Load(path, []),
        },
        new()
        {
            Name = "dataset-yaml",
            File = DatasetYaml.FileName,
            Samples = [Encoding.UTF8.GetBytes(Dataset)],
            Prepare = folder =>
            {
                Directory.CreateDirectory(Path.Combine(folder, "sub"));
                foreach (string file in (ReadOnlySpan<string>)["a.jsonl", "b.jsonl", "text.jsonl", "sub/more.txt", "retain.jsonl", "dev.jsonl"])
                {
                    File.WriteAllText(Path.Combine(folder, file), "{}");
                }
            },
            Read = path =>
            {
                string folder = Path.GetDirectoryName(path)!;
                if (DatasetYaml.Load(folder).Paths.FirstOrDefault(file => !Path.GetFullPath(file).StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)) is { } outside)
                {
                    throw new InvalidOperationException($"{outside} was accepted, which is not in the folder");
                }
            },
        },
    ];
}
