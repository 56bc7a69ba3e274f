using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Tests.Training;

/// <summary>The three update rules and the warm-up, written from their papers over arrays of doubles.</summary>
internal sealed class PlainOptimizer(OptimizerOptions options)
{
    private readonly Dictionary<string, (double[] First, double[] Second)> states = [];
    private int step;

    public void NextStep() => step++;

    public void Update(string name, double[] weights, double[] gradient)
    {
        double rate = step < options.WarmupSteps ? options.LearningRate * step / options.WarmupSteps : options.LearningRate;
        if (!states.TryGetValue(name, out (double[] First, double[] Second) state))
        {
            state = states[name] = (new double[weights.Length], new double[weights.Length]);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            double g = gradient[i], direction;
            switch (options.Kind)
            {
                case OptimizerKind.Lion:
                    direction = Math.Sign((0.9 * state.First[i]) + (0.1 * g));
                    state.First[i] = (0.99 * state.First[i]) + (0.01 * g);
                    break;
                case OptimizerKind.AdamW:
                    state.First[i] = (0.9 * state.First[i]) + (0.1 * g);
                    state.Second[i] = (0.99 * state.Second[i]) + (0.01 * g * g);
                    direction = state.First[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(state.Second[i] / (1 - Math.Pow(0.99, step))) + 1e-8);
                    break;
                default:
                    direction = g;
                    break;
            }

            weights[i] -= rate * (direction + (options.WeightDecay * weights[i]));
        }
    }
}
