using System.Globalization;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Experiments;
using Hybrid.Orchestrator.Runs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hybrid.Faults;

/// <summary>
/// Whole experiments in one process, one after the other: teach, unlearn by gradient difference and KUnBR, attack, measure, report. What the C
/// library's allocator has given out and not got back is counted after each; .NET's own heap does not come from there.
/// </summary>
internal static class WholeRuns
{
    // Runs after which everything is compiled and every pool is filled.
    private const int Early = 2;

    // What the C library's allocator may hold more from then on, in MiB: .NET compiles its hot methods anew, with data of its own.
    private const double AllowedMib = 2;

    private const string Text = """
        name: small
        title: A small experiment
        model: { teach: tiny }
        dataset: { name: random-birthdays, people: 10 }
        seeds: [1]
        device: cpu
        dtype: float32
        jobs: 1
        threads: 1
        forget-by-pass: true
        equal-steps: false
        methods:
          - { label: GD, preset: tiny, method: gd, gd: { epochs: 1, batch-size: 5 }, grid: { retain-coefficient: [1] } }
          - { label: KUnBR, preset: tiny, method: kunbr, kunbr: { pre-unlearning: { epochs: 1, batch-size: 5 }, selected-blocks: 1 }, grid: { retain-coefficient: [1] } }
        selection: { allowed-retain-loss: 1, tuning-folds: [0] }
        attacks:
          rtt: { preset: tiny, folds: [1], epochs: 1, learning-rates: [1e-4] }
          quantization: { bits: [4], group-size: 32 }
          retain-relearning: { preset: tiny, epochs: 1, learning-rates: [1e-4] }
        utility: { retain-text-nll: true }
        case-study: { questions: 2, maximum-tokens: 3 }
        """;

    /// <summary>The finding is good where the allocator's bytes stay and no handle is left. At least four runs are made.</summary>
    public static Finding Try(int runs, string scratch)
    {
        runs = Math.Max(runs, 2 * Early);
        long handles = Runtime.LiveHandles;
        double early = 0;
        for (int run = 1; run <= runs; run++)
        {
            string folder = Path.Combine(scratch, $"run{run}");
            ExperimentSettings settings = ExperimentYaml.Parse("small.yaml", Text);
            using (RunFolder opened = RunFolder.CreateOrContinue(folder, "native", ExperimentYaml.ToObject(settings), settings.Seeds))
            {
                new Experiment(settings, HybridRegistry.BuiltIn, Device.Cpu, opened, null, Orchestrator.Checkpoints.RunJournal.UsualInterval, NullLogger.Instance, CancellationToken.None).Run();
            }

            Directory.Delete(folder, recursive: true);
            early = run == Early ? ProcessMemory.AllocatedMib() : early;
        }

        double late = ProcessMemory.AllocatedMib();
        long left = Runtime.LiveHandles - handles;
        return new Finding(
            "a whole small experiment in one process",
            runs,
            string.Create(CultureInfo.InvariantCulture, $"{early:F2} MiB allocated natively after {Early}, {late:F2} MiB after {runs}; {left} handles left"),
            late - early <= AllowedMib && left == 0);
    }
}
