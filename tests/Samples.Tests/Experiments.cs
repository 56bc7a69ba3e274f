namespace Hybrid.Samples.Tests;

/// <summary>Experiments in sizes for tests.</summary>
internal static class Experiments
{
    /// <summary>One of seconds: teaching, both kinds of unlearning, an attack.</summary>
    public const string Small = """
        name: small
        title: A small <experiment>
        model: { teach: tiny, teaching: { epochs: 20 } }
        dataset: { name: random-birthdays, people: 10 }
        seeds: [1]
        device: cpu
        dtype: float32
        jobs: 1
        threads: 1
        forget-by-pass: true
        equal-steps: false
        methods:
          - { label: GD, preset: tiny, method: gd, gd: { epochs: 6 } }
          - { label: KUnBR, preset: tiny, method: kunbr, kunbr: { pre-unlearning: { epochs: 4 }, selected-blocks: 1 } }
        attacks:
          rtt: { preset: tiny, folds: [1], epochs: 2, learning-rates: [1e-4] }
        utility: { retain-text-nll: true }
        """;

    /// <summary>One that takes longer than any test waits.</summary>
    public static readonly string Long = Small.Replace("gd: { epochs: 6 }", "gd: { epochs: 50000 }", StringComparison.Ordinal);
}
