using Hybrid.Interop;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Evaluation;

/// <summary>
/// The share of a model's elements whose bits a run changed. Worth knowing: at the learning rates of large models, an update can be smaller
/// than the spacing of a 16-bit weight and change nothing at all.
/// </summary>
internal static class ChangedShare
{
    /// <summary>Between two models of one architecture and element type, 0 to 1.</summary>
    public static double Between(LlamaModel original, LlamaModel changed) => Of(changed, name => original[name]);

    /// <summary>Against the weights of a model folder, read anew one tensor at a time.</summary>
    /// <exception cref="HybridException">ModelFile: the file cannot be read any more.</exception>
    public static double AgainstFolder(string folder, LlamaModel changed)
    {
        using WeightFiles files = WeightFiles.Open(folder);
        return Of(changed, name => files.Read(name, changed[name].ElementType, Device.Cpu));
    }

    /// <summary>Against original tensors that are got one at a time, so that a model on disk need not be loaded whole.</summary>
    public static double Of(LlamaModel changed, Func<string, Tensor> original)
    {
        long different = 0, total = 0;
        foreach (string name in changed.Names)
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor after = changed[name].To(changed[name].ElementType, Device.Cpu);
            different += after.CountDifferent(original(name));
            total += after.Count;
        }

        return (double)different / total;
    }
}
