namespace Hybrid.Orchestrator.Tests.Experiments;

/// <summary>An experiment of seconds: ten people, a model that is taught for moments, two methods with four settings each.</summary>
internal static class SmallExperiment
{
    public const string Text = """
        name: small
        title: A small experiment
        model: { teach: tiny }
        dataset: { name: random-birthdays, people: 10 }
        seeds: [1, 2]
        device: cpu
        dtype: float32
        jobs: 1
        threads: 1
        forget-by-pass: true
        equal-steps: true
        methods:
          - label: GD
            preset: tiny
            method: gd
            gd: { epochs: 2, batch-size: 5 }
            grid: { retain-coefficient: [1, 4], optimizer.learning-rate: [1e-4, 3e-4] }
          - label: KUnBR
            preset: tiny
            method: kunbr
            kunbr: { pre-unlearning: { epochs: 1, batch-size: 5 }, selected-blocks: 1 }
            grid: { retain-coefficient: [1, 4], optimizer.learning-rate: [1e-4, 3e-4] }
        selection: { allowed-retain-loss: 0.2, tuning-folds: [0] }
        attacks:
          rtt: { preset: tiny, folds: [1, 2], epochs: 1, learning-rates: [1e-4] }
          quantization: { bits: [4], group-size: 32 }
          retain-relearning: { preset: tiny, epochs: 1, learning-rates: [1e-4] }
        utility: { retain-text-nll: true }
        case-study: { questions: 2, maximum-tokens: 3 }
        """;
}
