using Hybrid.Interop;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Tests.Model;
using Hybrid.Orchestrator.Tests.Training;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Tests.Unlearning;

/// <summary>
/// The methods as the paper's text states them, with whole sets as batches: one forward for each set, blocks copied value by value, no
/// kept prefix, no graft, no packing of forget and retain into one batch. With whole sets as batches the order of examples has no part.
/// </summary>
internal static class PlainUnlearning
{
    public static void GradientDifference(LlamaModel model, IReadOnlyList<string> names, TokenSequence[] forget, TokenSequence[] retain, double alpha, int steps, OptimizerOptions options) =>
        Descend(model, names, steps, options, () => (alpha * Losses.MeanNll(model, new PackedBatch(retain))) - Losses.MeanNll(model, new PackedBatch(forget)));

    /// <summary>So many steps down the gradient of a loss.</summary>
    public static void Descend(LlamaModel model, IReadOnlyList<string> names, int steps, OptimizerOptions options, Func<Tensor> loss)
    {
        var optimizer = new PlainOptimizer(options);
        for (int step = 0; step < steps; step++)
        {
            Dictionary<string, double[]> gradients = TestModels.Gradients(model, names, loss);
            optimizer.NextStep();
            foreach (string name in names)
            {
                double[] weights = model[name].ToDoubles();
                optimizer.Update(name, weights, gradients[name]);
                TestModels.Set(model, name, weights);
            }
        }
    }

    /// <summary>KUnBR with blocks of one layer each, by density, none ignored.</summary>
    public static void KUnBR(LlamaModel model, TokenSequence[] forget, TokenSequence[] retain, double alpha, int preSteps, int chosen, int blockSteps, int rounds, OptimizerOptions options)
    {
        using LlamaModel original = model.Clone();
        GradientDifference(model, model.Names, forget, retain, alpha, preSteps, options);
        for (int round = 0; round < rounds; round++)
        {
            double[] density = KnowledgeDensityTests.Naive(model, forget, mlpOnly: false);
            int[] densest = [.. Enumerable.Range(0, density.Length).OrderByDescending(layer => density[layer]).Take(chosen)];
            foreach (int layer in densest)
            {
                string[] names = TestModels.LayerNames(layer, layer + 1);
                using LlamaModel bench = original.Clone();
                Copy(names, model, bench);
                GradientDifference(bench, names, forget, retain, alpha, blockSteps, options);
                Copy(names, bench, model);
            }
        }
    }

    private static void Copy(string[] names, LlamaModel from, LlamaModel to)
    {
        foreach (string name in names)
        {
            to[name].CopyFrom(from[name]);
        }
    }
}
